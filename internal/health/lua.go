package health

import (
	"fmt"
	"slices"

	"github.com/hawser-cd/hawser/internal/script"
	lua "github.com/yuin/gopher-lua"
)

// interpreter is what health checks run in.
func interpreter() *script.Interpreter {
	return script.New(script.Settings{Users: "health checks", Hawser: hawserFunctions()})
}

// answered reads {status = …, message = …}. nil and an empty table mean that the object has no health (Argo CD's
// reading).
func answered(v lua.LValue) (h Health, ok bool, err error) {
	switch v := v.(type) {
	case *lua.LNilType:
		return Health{}, false, nil
	case *lua.LTable:
		status, message := v.RawGetString("status"), v.RawGetString("message")
		if status == lua.LNil && message == lua.LNil {
			return Health{}, false, nil
		}
		word, _ := status.(lua.LString)
		if !slices.Contains(order(), code(word)) {
			return Health{}, false, fmt.Errorf("Lua returned an invalid health status: %s (allowed: Healthy, Progressing, Degraded, Suspended, Missing, Unknown)", quoted(status)) //nolint:staticcheck // Argo CD's words, which people search for
		}
		if message != lua.LNil && !lua.LVCanConvToString(message) {
			return Health{}, false, fmt.Errorf("the message is a %s, not a string", message.Type())
		}
		return Health{code(word), script.Shorten(lua.LVAsString(message))}, true, nil
	}
	return Health{}, false, fmt.Errorf("it returned a %s, not a table with status and message", v.Type())
}

func quoted(v lua.LValue) string {
	if s, ok := v.(lua.LString); ok {
		return fmt.Sprintf("%q", script.Shorten(string(s)))
	}
	return "a " + v.Type().String()
}
