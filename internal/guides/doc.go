// Package guides checks the blocks of prose that are not Go: shell, YAML and systemd units, in every page of the
// repository. Go is TestProse's, in the root, and examples/cli/README.md is typed by the tests there.
//
// Run it with -count=1: the go command does not see that the results hang on files of another module.
package guides
