package server

import (
	"context"
	"log/slog"
	"net/netip"
	"time"
)

// Decision is that a call was permitted or refused, and why.
type Decision struct {
	Time     time.Time
	Request  string     // its id, as in X-Request-Id
	Who      string     // user name, proj:<project>:<role>, or "anonymous"
	Issuer   string     // who vouches for them
	From     netip.Addr // who is connected
	Door     string     // http, grpc, grpc-web
	Method   string     // /application.ApplicationService/Sync
	Resource string     // of the policy: applications; empty when the method needs no permission
	Action   string
	Object   string
	Allowed  bool
	Why      string // the line of the policy, or why there is none
}

// Audit takes decisions; it must not block.
type Audit interface{ Decided(Decision) }

// LogAudit writes decisions to the log: what changes something and what was refused at level Info, reading at Debug.
type LogAudit struct{ Log *slog.Logger }

// Decided writes one line.
func (l LogAudit) Decided(d Decision) {
	level := slog.LevelInfo
	if d.Allowed && d.Action == "get" {
		level = slog.LevelDebug
	}
	//nolint:forbidigo // a decision is told whatever became of its request
	l.Log.LogAttrs(context.Background(), level, "decision", slog.String("request", d.Request), slog.String("who", clip(d.Who)), slog.String("issuer", d.Issuer),
		slog.String("from", d.From.String()), slog.String("door", d.Door), slog.String("method", d.Method), slog.String("resource", d.Resource),
		slog.String("action", d.Action), slog.String("object", clip(d.Object)), slog.Bool("allowed", d.Allowed), slog.String("why", d.Why))
}
