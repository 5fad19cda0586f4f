package main

import (
	"errors"
	"flag"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite what scripts compare with")

// TestMain puts the program into PATH, under each name that it has, and a browser.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		program:                        main,
		"docker-credential-" + program: main,
		"docker-credential-work":       main,
		"browser":                      browser,
	})
}

type worldKey struct{}

// Each script is a world of its own. Beside the usual commands a script has
//
//	fails CODE program arguments...   it ends with that exit code
//	idp ...                           see world.idp
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			w, err := newWorld(env.WorkDir)
			if err != nil {
				return err
			}
			env.Defer(w.close)
			env.Values[worldKey{}] = w
			env.Vars = append(env.Vars, w.env()...)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": fails,
			"idp": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(ts.Value(worldKey{}).(*world).idp(args))
			},
		},
	})
}

func fails(ts *testscript.TestScript, _ bool, args []string) {
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	ended := ts.Exec(args[1], args[2:]...)
	exit := &exec.ExitError{}
	if !errors.As(ended, &exit) || exit.ExitCode() != code {
		ts.Fatalf("%v ended with %v, want exit status %d", args[1:], ended, code)
	}
}
