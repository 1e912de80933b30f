package forge

import (
	"context"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// page is one answer of a list: what is in it, and the query of the next; nil for the last.
type page[T any] struct {
	items []T
	next  url.Values
	total int // of the whole list, when the server says so; -1 when it does not
}

// whole reads a list to its end. first is the address of its first page; a server says only with which query to go on,
// never where.
//
// Pages are read one after the other, and a list that shrinks meanwhile moves its elements to pages that were read before:
// one would be missed, and its application deleted. So a list of several pages counts when two readings in a row agree, or
// when the server says of every page that it is the one of last time.
func whole[T any](ctx context.Context, s *session, first *url.URL, read func(*url.URL, answer) (page[T], error)) ([]T, error) {
	var before []T
	for try := range 4 {
		items, pages, known, err := once(ctx, s, first, read)
		if err != nil {
			return nil, err
		}
		if pages == 1 || known || try > 0 && reflect.DeepEqual(items, before) {
			return items, nil
		}
		before = items
	}
	return nil, s.fault(problem.Unavailable, first, "the list changes faster than it can be read").WithHint("it is asked again")
}

// once reads a list once. known is true when every page is the one of last time.
func once[T any](ctx context.Context, s *session, first *url.URL, read func(*url.URL, answer) (page[T], error)) (items []T, pages int, known bool, err error) {
	u, known := first, true
	asked := map[string]bool{}
	for {
		a, err := s.send(ctx, "GET", u, nil)
		if err != nil {
			return nil, 0, false, err
		}
		p, err := read(u, a)
		if err != nil {
			return nil, 0, false, err
		}
		items, known = append(items, p.items...), known && a.known
		if pages++; pages > maxPages {
			return nil, 0, false, s.fault(problem.Limit, first, "the list has more than %d pages", maxPages)
		}
		asked[u.RawQuery] = true
		if p.next == nil {
			if p.total > len(items) {
				return nil, 0, false, s.fault(problem.Unavailable, first, "it lists %d of %d: the answer is cut off", len(items), p.total).WithHint("it is asked again")
			}
			return items, pages, known, nil
		}
		next := *first
		next.RawQuery = p.next.Encode()
		if asked[next.RawQuery] {
			return nil, 0, false, s.fault(problem.Unavailable, first, "its pages go in a circle").WithHint("it is asked again")
		}
		u = &next
	}
}

// linked reads a page that is a list of so many at most, with the next one in the header Link. A full page without that
// header may be the last one, or a proxy took the header away: the next one is asked for.
func linked[T any](s *session, most int) func(*url.URL, answer) (page[T], error) {
	return func(u *url.URL, a answer) (page[T], error) {
		items, err := decode[[]T](s, u, a)
		if err != nil {
			return page[T]{}, err
		}
		p := page[T]{items: items, total: -1}
		switch link := nextLink(a.header.Values("Link")); {
		case link != "":
			to, err := url.Parse(link)
			if err != nil {
				return page[T]{}, s.fault(problem.Unavailable, u, "its next page has no address").WithHint("it is asked again")
			}
			p.next = to.Query()
		case len(items) >= most:
			p.next = u.Query()
			p.next.Set("page", strconv.Itoa(max(1, number(p.next.Get("page")))+1))
		}
		return p, nil
	}
}

var target = regexp.MustCompile(`<([^<>]*)>([^<]*)`)

// nextLink finds the link to the next page (RFC 8288). Addresses hold commas, too.
func nextLink(headers []string) string {
	for _, h := range headers {
		for _, m := range target.FindAllStringSubmatch(h, -1) {
			for param := range strings.SplitSeq(m[2], ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
				if strings.EqualFold(name, "rel") && strings.Trim(value, `", `) == "next" {
					return m[1]
				}
			}
		}
	}
	return ""
}

// number reads a header that counts; -1 when there is none.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

func hundred(pairs ...string) url.Values {
	q := url.Values{"per_page": {"100"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

// with sets further parameters.
func with(q url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}
