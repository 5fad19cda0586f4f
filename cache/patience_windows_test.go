package cache

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

func TestPatience(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		wait bool
	}{
		"denied":    {windows.ERROR_ACCESS_DENIED, true},
		"shared":    {&os.LinkError{Op: "rename", Err: windows.ERROR_SHARING_VIOLATION}, true},
		"pending":   {&fs.PathError{Op: "open", Err: windows.ERROR_DELETE_PENDING}, true},
		"not there": {windows.ERROR_FILE_NOT_FOUND, false},
		"full":      {windows.ERROR_DISK_FULL, false},
		"other":     {errors.New("other"), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin, n := time.Now(), 0
			err := patiently(func() error { n++; return tt.err })
			require.ErrorIs(t, err, tt.err, name)
			if !tt.wait {
				require.Equal(t, 1, n, name)
				require.Zero(t, time.Since(begin), name)
				return
			}
			require.Equal(t, tries, n, name)
			require.InDelta(t, 2*time.Second, time.Since(begin), float64(time.Second), name)
		})
		synctest.Test(t, func(t *testing.T) {
			n := 0
			err := patiently(func() error {
				if n++; n < 10 {
					return tt.err
				}
				return nil
			})
			require.Equal(t, tt.wait, err == nil, name)
		})
	}
}
