package keychains

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// Service is the Secret Service of a session, as the test sees it: org.freedesktop.secrets.
type Service struct {
	t    testing.TB
	conn *dbus.Conn
}

const (
	serviceName = "org.freedesktop.secrets"
	servicePath = "/org/freedesktop/secrets"
	ifcService  = "org.freedesktop.Secret.Service"
)

// Service waits until somebody is the service.
func (s *Session) Service() *Service {
	s.t.Helper()
	v := &Service{s.t, s.Bus()}
	eventually(s.t, "a Secret Service on the bus", v.running)
	return v
}

func (v *Service) running() (ok bool) {
	_ = v.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, serviceName).Store(&ok)
	return ok
}

func (v *Service) call(method string, args ...any) *dbus.Call {
	return v.callAt(servicePath, ifcService+"."+method, args...)
}

func (v *Service) callAt(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return v.conn.Object(serviceName, path).CallWithContext(ctx, method, 0, args...)
}

// Collection is the one that programs use; "/" if there is none.
func (v *Service) Collection() (path dbus.ObjectPath) {
	v.t.Helper()
	if err := v.call("ReadAlias", "default").Store(&path); err != nil {
		v.t.Fatal(err)
	}
	return path
}

// Locked tells whether there is a collection, and it is locked.
func (v *Service) Locked() bool {
	v.t.Helper()
	path := v.Collection()
	if path == "/" {
		return false
	}
	locked, err := v.conn.Object(serviceName, path).GetProperty("org.freedesktop.Secret.Collection.Locked")
	if err != nil {
		v.t.Fatal(err)
	}
	return locked.Value() == true
}

// Lock locks the collection.
func (v *Service) Lock() {
	v.t.Helper()
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	v.agree(v.call("Lock", []dbus.ObjectPath{v.Collection()}).Store(&locked, &prompt), prompt)
	eventually(v.t, "a locked keychain", v.Locked)
}

// Items are those of the program. KeePassXC asks a person first if it is locked.
func (v *Service) Items() []dbus.ObjectPath {
	v.t.Helper()
	var unlocked, locked []dbus.ObjectPath
	if err := v.call("SearchItems", map[string]string{"service": "staysigned-" + App}).Store(&unlocked, &locked); err != nil {
		v.t.Fatal(err)
	}
	return append(unlocked, locked...)
}

// Delete deletes an item, as a person does who tidies up.
func (v *Service) Delete(item dbus.ObjectPath) {
	v.t.Helper()
	var prompt dbus.ObjectPath
	v.agree(v.callAt(item, "org.freedesktop.Secret.Item.Delete").Store(&prompt), prompt)
	eventually(v.t, "an item that is gone", func() bool { return !slices.Contains(v.Items(), item) })
}

// agree says yes to what the service asks before it obeys. KeePassXC asks in any case.
func (v *Service) agree(err error, prompt dbus.ObjectPath) {
	v.t.Helper()
	if err == nil && prompt != "/" {
		err = v.callAt(prompt, "org.freedesktop.Secret.Prompt.Prompt", "").Err
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

// LogOut ends the process of the service as the end of a session does, and waits for that.
func (v *Service) LogOut(p *Process) {
	v.t.Helper()
	p.Signal(syscall.SIGTERM)
	// KeePassXC does not listen to that. It saves at its leisure, and when it is told to exit.
	_ = v.callAt("/keepassxc", "org.keepassxc.KeePassXC.MainWindow.appExit").Err
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		v.t.Fatalf("%s does not end", p.Path)
	}
}
