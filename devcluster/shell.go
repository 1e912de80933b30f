package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// executor pretends to run commands in containers: the few of the table in README.md.
type executor struct{}

// exited is the end of a command with another code than 0, as remotecommand wants to be told of it.
type exited int

func (e exited) Error() string   { return "exit status " + strconv.Itoa(int(e)) }
func (e exited) String() string  { return e.Error() }
func (e exited) Exited() bool    { return true }
func (e exited) ExitStatus() int { return int(e) }

// shell is one session.
type shell struct {
	ctx      context.Context
	pod      string
	in       io.Reader
	out, err io.Writer
	tty      bool
	size     atomic.Pointer[remotecommand.TerminalSize]
}

// ExecInContainer runs one command.
func (executor) ExecInContainer(ctx context.Context, pod, _, _ string, command []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	s := &shell{ctx: ctx, pod: pod, in: in, out: out, err: errOut, tty: tty}
	if s.in == nil {
		s.in = strings.NewReader("")
	}
	if out == nil {
		s.out = io.Discard
	}
	if errOut == nil { // a terminal has one stream
		s.err = s.out
	}
	if resize != nil {
		first := make(chan struct{})
		go func() {
			for size := range resize {
				if s.size.Swap(&size) == nil {
					close(first)
				}
			}
		}()
		if tty { // a client tells the size of its terminal first of all
			select {
			case <-first:
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	if code := s.run(command); code != 0 {
		return exited(code)
	}
	return nil
}

// run does one command and returns its exit code.
func (s *shell) run(words []string) int {
	if len(words) == 0 {
		return 0
	}
	switch name := words[0][strings.LastIndexByte(words[0], '/')+1:]; name {
	case "true":
	case "false":
		return 1
	case "echo":
		s.print(strings.Join(words[1:], " "))
	case "hostname":
		s.print(s.pod)
	case "cat":
		_, _ = io.Copy(s.out, s.in)
	case "stty":
		size := s.size.Load()
		if size == nil {
			size = &remotecommand.TerminalSize{}
		}
		s.print(fmt.Sprintf("%d %d", size.Height, size.Width))
	case "sleep":
		seconds, err := strconv.ParseFloat(strings.Join(words[1:], ""), 64)
		if err != nil {
			return s.fail(1, "sleep: invalid number")
		}
		select {
		case <-s.ctx.Done():
		case <-time.After(time.Duration(seconds * float64(time.Second))):
		}
	case "exit":
		code := 0
		if len(words) > 1 {
			code, _ = strconv.Atoi(words[1])
		}
		return code
	case "sh", "bash", "ash":
		if len(words) == 3 && words[1] == "-c" {
			return s.line(words[2])
		}
		return s.interactive()
	default:
		return s.fail(127, "sh: "+words[0]+": not found")
	}
	return 0
}

// line does commands separated by semicolons, up to an exit, and returns the code of the last one.
func (s *shell) line(text string) (code int) {
	for _, part := range strings.Split(text, ";") {
		words := strings.Fields(part)
		for i, w := range words {
			words[i] = strings.Trim(w, `"'`)
		}
		code = s.run(words)
		if len(words) > 0 && words[0] == "exit" {
			break
		}
	}
	return code
}

// interactive does what it reads, a line each.
func (s *shell) interactive() (code int) {
	for in := bufio.NewReader(s.in); ; {
		if s.tty {
			fmt.Fprint(s.out, "$ ")
		}
		text, err := s.readLine(in)
		text = strings.TrimSpace(text)
		if text != "" {
			code = s.line(text)
		}
		if err != nil || strings.HasPrefix(text, "exit") {
			return code
		}
	}
}

// readLine reads a line. In a terminal it does what the kernel does there: what is typed is seen, Enter sends a carriage
// return, Backspace takes a character back, Ctrl-C the line, and Ctrl-D on an empty line is the end.
func (s *shell) readLine(in *bufio.Reader) (string, error) {
	if !s.tty {
		return in.ReadString('\n')
	}
	var line []rune
	for {
		c, _, err := in.ReadRune()
		switch {
		case err != nil || c == 4 && len(line) == 0:
			if len(line) > 0 {
				s.print("")
			}
			return string(line), io.EOF
		case c == '\r' || c == '\n':
			s.print("")
			return string(line), nil
		case c == 3:
			s.print("^C")
			return "", nil
		case c == 127 || c == '\b':
			if len(line) > 0 {
				line = line[:len(line)-1]
				fmt.Fprint(s.out, "\b \b")
			}
		case c >= ' ':
			line = append(line, c)
			fmt.Fprint(s.out, string(c))
		}
	}
}

func (s *shell) print(text string) {
	end := "\n"
	if s.tty {
		end = "\r\n"
	}
	fmt.Fprint(s.out, text+end)
}

func (s *shell) fail(code int, text string) int {
	end := "\n"
	if s.tty {
		end = "\r\n"
	}
	fmt.Fprint(s.err, text+end)
	return code
}
