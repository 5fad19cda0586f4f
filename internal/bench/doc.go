// Package bench measures what an application with many accounts pays, through the public API of package msal over
// cache.Dir, beside a cache that keeps all accounts in one JSON file. Ratios within one run carry to other machines;
// microseconds do not.
//
//	go test -C internal/bench -run '^$' -bench Scale
//
// measures up to 1,000 accounts; STAYSIGNED_LONG=10 in the environment up to 10,000, and 100 up to 100,000, which
// takes ten minutes, 2 GB of disk and 3 GB of memory. With -args -report FILE it also writes the tables as Markdown:
// docs/scale.md is one of the full length.
//
// All of it is in tests. Where to read: scale is what is measured, world the accounts that it is measured with, provider
// who issues their tokens, peer the JSON file, process what happens in a process of its own, memory and report what
// their names say.
package bench
