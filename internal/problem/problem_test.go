package problem

import (
	"errors"
	"testing"
)

func TestErrorReadsAsOneSentence(t *testing.T) {
	cause := errors.New("line 3: did not find expected key")
	err := error(Because(Invalid, cause, "read web/app.yaml").WithHint("fix the indentation"))
	Wrap(&err, "render %s", "web")
	want := "render web: read web/app.yaml: line 3: did not find expected key (fix the indentation)"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if !Is(err, Invalid) || !errors.Is(err, cause) {
		t.Errorf("kind %v or cause lost", KindOf(err))
	}
}

func TestKindOfForeignErrorIsInternal(t *testing.T) {
	if k := KindOf(errors.New("x")); k != Internal {
		t.Errorf("got %v", k)
	}
	var err error
	Wrap(&err, "nothing")
	if err != nil {
		t.Errorf("Wrap made an error of nil: %v", err)
	}
}

func TestHTTPStatus(t *testing.T) {
	for kind, want := range map[Kind]int{Internal: 500, Invalid: 400, NotFound: 404, Forbidden: 403, Unauthenticated: 401, Conflict: 409, Unavailable: 503, Limit: 413, Exists: 409, Precondition: 400, Unsupported: 501, Kind(99): 501} {
		if got := kind.HTTPStatus(); got != want {
			t.Errorf("%v: got %d, want %d", kind, got, want)
		}
	}
}
