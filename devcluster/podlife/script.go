package podlife

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Annotations with which a pod (or its template) asks for failure or delay; README.md has the table.
const (
	DelayAnnotation       = "devcluster.hawser.dev/delay"
	ExitCodeAnnotation    = "devcluster.hawser.dev/exit-code"
	ExitMessageAnnotation = "devcluster.hawser.dev/exit-message"
	NeverReadyAnnotation  = "devcluster.hawser.dev/never-ready"
)

const (
	forever = time.Duration(math.MaxInt64)
	never   = forever

	jobTakes   = 200 * time.Millisecond // a container that is expected to end, and says nothing
	initTakes  = 50 * time.Millisecond
	crashTakes = 100 * time.Millisecond
	// A container that ends sooner than this never counts as ready: a real one would have a probe,
	// or be available for a blink of which no test could tell whether it happens.
	tooShortToBeReady = time.Second
)

// script is what one container does each time it is started.
type script struct {
	cannotPull bool          // the image does not exist: it never starts
	misfit     string        // its annotations make no sense: it never starts, and says so
	ready      time.Duration // from start to ready; never
	runs       time.Duration // from start to exit; forever
	exit       int32
	message    string // the termination message
}

type role int

const (
	mainContainer role = iota
	initContainer
	sidecar // an init container with restartPolicy Always
)

// scriptOf reads from a container and its pod's annotations what the container will do. The image
// tag decides first, then the annotations, then the command. Annotations speak about the main
// containers only; an init container fails by its tag or its command.
func scriptOf(pod *corev1.Pod, c corev1.Container, r role) script {
	toTheEnd := r == initContainer || r == mainContainer && pod.Spec.RestartPolicy != corev1.RestartPolicyAlways
	switch imageTag(c.Image) {
	case "broken":
		return script{cannotPull: true}
	case "crash":
		return script{ready: never, runs: crashTakes, exit: 1}
	}
	s := script{runs: forever}
	switch {
	case r == initContainer:
		s.runs = initTakes
	case toTheEnd:
		s.runs = jobTakes
	}
	if runs, exit, ok := readCommand(append(append([]string(nil), c.Command...), c.Args...)); ok && len(c.Command) > 0 {
		s.runs, s.exit = runs, exit
	}
	if r == mainContainer {
		s = annotate(s, pod.Annotations, toTheEnd)
	}
	if s.runs < tooShortToBeReady {
		s.ready = never
	}
	return s
}

func annotate(s script, annotations map[string]string, toTheEnd bool) script {
	if v, ok := annotations[ExitCodeAnnotation]; ok {
		code, err := strconv.ParseUint(v, 10, 8)
		if err != nil {
			return script{misfit: fmt.Sprintf("annotation %s: %q is no exit code: use 0 to 255", ExitCodeAnnotation, v)}
		}
		s.exit, s.message = int32(code), annotations[ExitMessageAnnotation]
		if s.runs == forever {
			s.runs = crashTakes
		}
	}
	if v, ok := annotations[DelayAnnotation]; ok {
		delay, err := time.ParseDuration(v)
		if err != nil || delay < 0 {
			return script{misfit: fmt.Sprintf("annotation %s: %q is no duration: use for example 500ms, 3s, 2m", DelayAnnotation, v)}
		}
		if s.runs == forever && !toTheEnd {
			s.ready = delay
		} else {
			s.runs = delay
		}
	}
	if annotations[NeverReadyAnnotation] == "true" {
		s.ready, s.runs = never, forever
	}
	return s
}

// readCommand understands exactly the commands listed in README.md: true, false, sleep N, and
// sh -c of those, of exit N, and of sleep N followed by exit N. Everything else is not understood,
// and then the container does what its kind does by default.
func readCommand(argv []string) (runs time.Duration, exit int32, ok bool) {
	if len(argv) == 0 {
		return 0, 0, false
	}
	switch name := path.Base(argv[0]); {
	case (name == "sh" || name == "bash") && len(argv) == 3 && argv[1] == "-c":
		return readShell(strings.TrimSpace(argv[2]))
	case name == "true" || name == "false" || name == "sleep":
		return readShell(strings.Join(append([]string{name}, argv[1:]...), " "))
	}
	return 0, 0, false
}

func readShell(line string) (runs time.Duration, exit int32, ok bool) {
	first, second, two := strings.Cut(line, "&&")
	if !two {
		first, second, two = strings.Cut(line, ";")
	}
	if two {
		runs, _, ok1 := readWords(first, "sleep")
		_, exit, ok2 := readWords(second, "exit")
		return runs, exit, ok1 && ok2
	}
	return readWords(line, "sleep", "exit", "true", "false")
}

// readWords reads one simple command, if its name is among the allowed.
func readWords(command string, allowed ...string) (runs time.Duration, exit int32, ok bool) {
	words := strings.Fields(command)
	for _, name := range allowed {
		if len(words) == 0 || words[0] != name {
			continue
		}
		switch {
		case name == "true" && len(words) == 1:
			return 0, 0, true
		case name == "false" && len(words) == 1:
			return 0, 1, true
		case name == "sleep" && len(words) == 2 && words[1] == "infinity":
			return forever, 0, true
		case name == "sleep" && len(words) == 2:
			seconds, err := strconv.ParseFloat(words[1], 64)
			return time.Duration(seconds * float64(time.Second)), 0, err == nil && seconds >= 0 && seconds < 1e8
		case name == "exit" && len(words) == 2:
			code, err := strconv.ParseUint(words[1], 10, 8)
			return 0, int32(code), err == nil
		}
	}
	return 0, 0, false
}

// imageTag is the tag of an image reference, "" when it has none.
func imageTag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return tag
}
