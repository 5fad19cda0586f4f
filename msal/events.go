package msal

import (
	"context"
	"log/slog"
)

// event logs what happened to a session. The account is named by the key of
// its record, which says nothing about the person.
func (c *core) event(ctx context.Context, name string, s *session) {
	c.Logger.LogAttrs(ctx, slog.LevelInfo, name, slog.String("session", s.key))
}

// warn logs what went wrong with a session and did not end it.
func (c *core) warn(name string, s *session, err error) {
	c.Logger.LogAttrs(context.Background(), slog.LevelWarn, name, slog.String("session", s.key), slog.Any("error", err))
}
