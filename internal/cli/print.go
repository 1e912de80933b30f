package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/term"
	"sigs.k8s.io/yaml"
)

// table prints rows in columns that are two blanks apart, as argocd does; scripts parse them. On a terminal, and only
// there, cells are shortened until a row fits, and columns may have colours.
type table struct {
	out    io.Writer
	rows   [][]string
	gap    int                           // blanks between columns
	colour map[int]func(cell string) int // of a column; see paint
}

// newTable begins a table with its header; without columns it has none.
func newTable(out io.Writer, columns ...string) *table {
	t := &table{out: out, gap: 2, colour: map[int]func(string) int{}}
	if len(columns) > 0 {
		t.rows = append(t.rows, columns)
	}
	return t
}

// row adds a row. Cells are printed as fmt.Print does.
func (t *table) row(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = fmt.Sprint(c)
	}
	t.rows = append(t.rows, row)
}

// flush prints the table.
func (t *table) flush() error {
	onTerminal := isTerminal(t.out)
	widths := t.widths()
	if onTerminal {
		fit(widths, t.gap, terminalWidth(t.out))
	}
	var b strings.Builder
	for n, row := range t.rows {
		for i, cell := range row {
			last := i == len(row)-1
			if onTerminal {
				cell = shorten(cell, widths[i])
			}
			pad := widths[i] + t.gap - utf8.RuneCountInString(cell)
			if c := t.colour[i]; onTerminal && c != nil && n > 0 {
				cell = paint(c(cell), cell)
			}
			b.WriteString(cell)
			if !last {
				b.WriteString(strings.Repeat(" ", max(0, pad)))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}

// widths returns the width of each column. A row's last cell counts: its column may go on in other rows.
func (t *table) widths() []int {
	var w []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(w) {
				w = append(w, 0)
			}
			w[i] = max(w[i], utf8.RuneCountInString(cell))
		}
	}
	return w
}

// narrowest is how far a column is shortened at most.
const narrowest = 12

// fit takes from the widest column, again and again, until a row fits into width with gap blanks between the columns.
func fit(columns []int, gap, width int) {
	sum := -gap
	for _, w := range columns {
		sum += w + gap
	}
	for width > 0 && sum > width {
		widest := 0
		for i := range columns {
			if columns[i] > columns[widest] {
				widest = i
			}
		}
		if columns[widest] <= narrowest {
			return
		}
		columns[widest]--
		sum--
	}
}

func shorten(cell string, width int) string {
	if utf8.RuneCountInString(cell) <= width {
		return cell
	}
	return string([]rune(cell)[:max(0, width-1)]) + "…"
}

// terminalWidth returns how many characters fit into a line, and 0 when nobody knows.
func terminalWidth(out io.Writer) int {
	f, ok := out.(*os.File)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}

// paint colours text; 0 leaves it. Ask isTerminal before.
func paint(colour int, text string) string {
	if colour == 0 || text == "" {
		return text
	}
	return "\x1b[" + strconv.Itoa(colour) + "m" + text + "\x1b[0m"
}

// statusColour is the colour of a sync, health, operation or connection status.
func statusColour(text string) int {
	switch strings.TrimSpace(text) {
	case "Synced", "Healthy", "Succeeded", "Successful":
		return green
	case "OutOfSync", "Progressing", "Missing", "Running", "Suspended", "Terminating":
		return yellow
	case "Degraded", "Failed", "Error", "Unknown", "SyncFailed":
		return red
	}
	return 0
}

// printObject prints one value as "json" (indented by two) or "yaml".
func printObject(out io.Writer, v any, format string) error {
	text, err := json.MarshalIndent(v, "", "  ")
	switch format {
	case "json":
		text = append(text, '\n')
	case "yaml":
		text, err = yaml.Marshal(v)
	default:
		return unknownFormat(format)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// printList prints values as a JSON or YAML list; none are an empty list and not null. single prints a list of one as
// that one: argocd does so where it was asked for one by name.
func printList[T any](out io.Writer, list []T, format string, single bool) error {
	switch {
	case single && len(list) == 1:
		return printObject(out, list[0], format)
	case len(list) == 0:
		return printObject(out, []string{}, format)
	}
	return printObject(out, list, format)
}

func unknownFormat(format string) error {
	return &exit{exitContract, problem.New(problem.Invalid, "unknown output format: %s", format).WithHint("json, yaml, or see --help")}
}
