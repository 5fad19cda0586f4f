// Package leaks runs all tests of the module and looks for secrets in everything that the run shows: its output, the files that
// it makes, and the arguments and environment of its processes. Secrets of the test platform have prefixes by which to know
// them, and so has the form in which a code verifier travels. Canary tests look for what one test has handed out, wherever
// that test looks; this finds what no test has thought of.
//
// Where to read: scan_test says what a secret is, watch_linux_test starts a run and looks at it, leaks_linux_test has the tests.
package leaks
