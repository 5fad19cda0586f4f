// Package differential gives the same input to MSAL for Go and to package msal, and writes down where they differ.
//
// Both talk to the same test platform, which imitates Microsoft's. So what is shown is a difference between two
// clients; what Entra itself would say is not. Each difference is one that we chose, and the table of inputs says why.
// One that appears by itself, in a new version of theirs or ours, is a red test.
//
// Where to read: clients_test makes both do the same, observe_test says what they did, cases_test has the inputs, and
// differential_test compares them and writes docs/differences.md.
package differential
