package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/term"
)

// asker asks the person at the terminal. Questions go where output goes, as argocd's do: `yes | argocd …` works.
type asker struct {
	std IO
	in  *bufio.Reader
}

func newAsker(std IO) *asker { return &asker{std, bufio.NewReader(std.In)} }

// line prints a question and reads one line of an answer.
func (a *asker) line(question string) (string, error) {
	fmt.Fprint(a.std.Out, question)
	text, err := a.in.ReadString('\n')
	if err != nil && (text == "" || !errors.Is(err, io.EOF)) {
		return "", problem.New(problem.Invalid, "%q was not answered: %v", strings.TrimSpace(question), err).WithHint("answer by a flag; --help names them")
	}
	return strings.TrimSpace(text), nil
}

// word asks for a value until there is one, unless value is one already.
func (a *asker) word(what, value string) (string, error) {
	for value == "" {
		text, err := a.line(what + ": ")
		if err != nil {
			return "", err
		}
		value = text
	}
	return value, nil
}

// yes asks a question until it is answered with yes or no.
func (a *asker) yes(question string) (bool, error) {
	answer, err := a.choose(question, "yes", "no")
	return answer == "y", err
}

// choose asks until the answer is one of the words or its first letter, and returns that letter.
func (a *asker) choose(question string, words ...string) (string, error) {
	for {
		text, err := a.line(question)
		if err != nil {
			return "", err
		}
		for _, w := range words {
			if text = strings.ToLower(text); text == w || text == w[:1] {
				return w[:1], nil
			}
		}
	}
}

// secret asks for a password: unseen on a terminal, a line when the input is none.
func (a *asker) secret(question string) (string, error) {
	f, ok := a.std.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return a.line(question)
	}
	fmt.Fprint(a.std.Out, question)
	text, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.std.Out)
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "read the password")
	}
	return string(text), nil
}

// newSecret asks twice for a new password until both answers are the same.
func (a *asker) newSecret(user string) (string, error) {
	for {
		first, err := a.secret(fmt.Sprintf("*** Enter new password for user %s: ", user))
		if err != nil {
			return "", err
		}
		again, err := a.secret(fmt.Sprintf("*** Confirm new password for user %s: ", user))
		if err != nil {
			return "", err
		}
		if first == again {
			return first, nil
		}
		fmt.Fprintln(a.std.Err, "The two differ: once more.")
	}
}
