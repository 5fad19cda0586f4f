package cachetest_test

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// TestMain repeats a tenth as often, as -short does for everybody, unless
// STAYSIGNED_LONG asks for all. A Store needs no TestMain for this suite.
func TestMain(m *testing.M) {
	flag.Parse()
	if percent, _ := strconv.Atoi(os.Getenv("STAYSIGNED_LONG")); percent < 100 {
		if err := flag.Set("test.short", "true"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
