// Package bench measures what a token costs: with many accounts, beside a cache that keeps all of them in one JSON
// file, and beside what else a Go program could take. Ratios within one run carry to other machines; microseconds do not.
//
//	go test -C internal/bench
//
// holds the gates, which are ratios, and does everything else once.
//
//	go test -C internal/bench -run '^$' -bench Scale
//
// measures up to 1,000 accounts; STAYSIGNED_LONG=10 in the environment up to 10,000, and 100 up to 100,000, which
// takes ten minutes, 2 GB of disk and 3 GB of memory. With -args -report FILE it also writes the tables as Markdown:
// docs/scale.md is one of the full length.
//
//	go test -C internal/bench -count=1 -timeout 60m -run '^TestBenchmarks$' -args -benchmarks ../..
//
// measures the rivals at full length, which takes ten minutes, and writes BENCHMARKS.md and its pictures.
//
// All of it is in tests, but for the programs whose start is measured, in programs. Where to read: scale is what is
// measured with many accounts, world the accounts, provider who issues their tokens, peer the JSON file, process what happens in
// a process of its own, memory and report what their names say. Of the rivals: turns is how they take turns, rivals who they are,
// entra the platform that they meet; hits, refresh, stampede, processes, cold and pieces what is measured; gates what has
// to hold; benchmarks, prose and charts the report.
package bench
