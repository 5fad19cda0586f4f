// Package guides checks the blocks of prose that are no Go: shell, YAML and systemd units, in every page of the
// repository. Those of Go are TestProse's, in the root; those of examples/cli/README.md are typed there.
package guides
