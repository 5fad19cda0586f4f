//go:build linux

package keychain

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"
)

// fakeService is a session bus with a Secret Service on it, and the faults of
// real ones. Its fields may be set between calls.
type fakeService struct {
	mu     sync.Mutex
	calls  []string          // members, in order
	items  map[string]string // secrets by the attribute "username"
	login  bool              // the collection is "login", not the default one
	empty  bool              // there is no collection yet
	locked bool
	lies   bool                                       // CreateItem keeps nothing, after a prompt that is dismissed
	prompt func(s *fakeService) (dismissed, end bool) // what a person does
	fail   map[string]string                          // the error of a member
	hang   map[string]bool                            // members that are not answered
	conns  []net.Conn
}

// newFakeService starts one and points the environment to it.
func newFakeService(t *testing.T) *fakeService {
	t.Helper()
	dir, err := os.MkdirTemp("", "bus") // the address of a socket is short
	require.NoError(t, err)
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	s := &fakeService{items: map[string]string{}, fail: map[string]string{}, hang: map[string]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			serving.Go(func() { s.serve(conn) })
		}
	})
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path)
	// go-keyring uses the one connection that godbus shares. It may still be to
	// the bus of the test before, or the machine's: the next one is to this bus.
	if shared, err := dbus.SessionBus(); err == nil {
		shared.Close()
	}
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for _, conn := range s.conns {
			conn.Close()
		}
		s.mu.Unlock()
		serving.Wait()
		os.RemoveAll(dir)
	})
	return s
}

// set changes the service between calls.
func (s *fakeService) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *fakeService) called(member string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c == member {
			n++
		}
	}
	return n
}

// serve authenticates anybody, and answers.
func (s *fakeService) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch line = strings.Trim(line, "\x00\r\n"); {
		case line == "AUTH":
			fmt.Fprint(conn, "REJECTED EXTERNAL\r\n")
		case strings.HasPrefix(line, "AUTH "):
			fmt.Fprint(conn, "DATA\r\n")
		case strings.HasPrefix(line, "DATA"):
			fmt.Fprint(conn, "OK 00112233445566778899aabbccddeeff\r\n")
		case line == "NEGOTIATE_UNIX_FD":
			fmt.Fprint(conn, "ERROR\r\n")
		case line == "BEGIN":
			for {
				call, err := dbus.DecodeMessage(in)
				if err != nil {
					return
				}
				s.answer(conn, call)
			}
		}
	}
}

func header(m *dbus.Message, field dbus.HeaderField) string {
	switch v := m.Headers[field].Value().(type) {
	case string:
		return v
	case dbus.ObjectPath:
		return string(v)
	}
	return ""
}

func (s *fakeService) answer(conn net.Conn, call *dbus.Message) {
	member := header(call, dbus.FieldMember)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, member)
	if s.hang[member] {
		return
	}
	body, signals := []any(nil), []*dbus.Message(nil)
	fault := s.fail[member]
	if fault == "" {
		body, signals, fault = s.do(member, header(call, dbus.FieldPath), call.Body)
	}
	reply := &dbus.Message{Type: dbus.TypeMethodReply, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(call.Serial()),
		dbus.FieldSender:      dbus.MakeVariant(busService),
	}}
	if fault != "" {
		reply.Type, reply.Body = dbus.TypeError, []any{"by the fake"}
		reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant(fault)
	}
	for _, m := range append([]*dbus.Message{reply}, signals...) {
		if len(m.Body) > 0 {
			m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(m.Body...))
		}
		if err := m.EncodeTo(conn, binary.LittleEndian); err != nil {
			return
		}
	}
}

const (
	fakeCollection = dbus.ObjectPath(busPath + "/collection/some")
	fakePrompt     = dbus.ObjectPath(busPath + "/prompt/p1")
)

func (s *fakeService) collection() dbus.ObjectPath {
	switch {
	case s.empty:
		return none
	case s.login:
		return loginPath
	}
	return fakeCollection
}

// do answers what godbus, go-keyring and this package ask.
func (s *fakeService) do(member, path string, args []any) (body []any, signals []*dbus.Message, fault string) {
	switch member {
	case "Hello":
		return []any{":1.1"}, nil, ""
	case "GetConnectionUnixProcessID":
		return []any{uint32(os.Getpid())}, nil, ""
	case "AddMatch", "RemoveMatch", "Close":
		return nil, nil, ""
	case "ReadAlias":
		if s.login {
			return []any{fakeCollection}, nil, "" // go-keyring does not ask
		}
		return []any{s.collection()}, nil, ""
	case "Get":
		if args[1] == "Locked" {
			other := s.login && path == string(fakeCollection)
			return []any{dbus.MakeVariant(s.locked || other)}, nil, ""
		}
		return []any{dbus.MakeVariant([]dbus.ObjectPath{s.collection()})}, nil, ""
	case "OpenSession":
		return []any{dbus.MakeVariant(""), dbus.ObjectPath(busPath + "/session/1")}, nil, ""
	case "CreateCollection":
		return []any{none, fakePrompt}, nil, ""
	case "Unlock":
		paths := args[0].([]dbus.ObjectPath)
		if s.locked {
			return []any{[]dbus.ObjectPath{}, fakePrompt}, nil, ""
		}
		return []any{paths, none}, nil, ""
	case "SearchItems":
		name := args[0].(map[string]string)["username"]
		found := []dbus.ObjectPath{}
		if _, ok := s.items[name]; ok {
			found = append(found, dbus.ObjectPath(busPath+"/item/"+strings.ReplaceAll(name, "-", "_")))
		}
		return []any{found}, nil, ""
	case "GetSecret":
		for name, secret := range s.items {
			if strings.HasSuffix(path, "/"+strings.ReplaceAll(name, "-", "_")) {
				type wire struct {
					Session           dbus.ObjectPath
					Parameters, Value []byte
					ContentType       string
				}
				return []any{wire{"/s", []byte{}, []byte(secret), "text/plain"}}, nil, ""
			}
		}
	case "Delete":
		maps.DeleteFunc(s.items, func(name, _ string) bool { return strings.HasSuffix(path, "/"+strings.ReplaceAll(name, "-", "_")) })
		return []any{none}, nil, ""
	case "CreateItem":
		if s.lies {
			return []any{none, fakePrompt}, nil, ""
		}
		attributes := args[0].(map[string]dbus.Variant)["org.freedesktop.Secret.Item.Attributes"].Value().(map[string]string)
		secret := args[1].([]any)
		s.items[attributes["username"]] = string(secret[2].([]byte))
		return []any{fakePrompt + "x", none}, nil, ""
	case "Prompt":
		dismissed, end := s.prompt(s)
		if !end {
			return nil, nil, ""
		}
		return nil, []*dbus.Message{{Type: dbus.TypeSignal, Body: []any{dismissed, dbus.MakeVariant("")},
			Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath(path)),
				dbus.FieldInterface: dbus.MakeVariant(ifcPrompt),
				dbus.FieldMember:    dbus.MakeVariant("Completed"),
				dbus.FieldSender:    dbus.MakeVariant(busService),
			}}}, ""
	}
	return nil, nil, "org.freedesktop.DBus.Error.UnknownMethod"
}

func (s *fakeService) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.items))
}
