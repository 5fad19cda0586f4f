package licences

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// allowed are licences, by their SPDX names, under which a program may be given away with ours. What is only built and tested
// with, and not linked, is held to the same list.
var allowed = []string{"0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unlicense"}

// notices are texts that licensecheck names and that are no licences of code.
var notices = []string{"Google-Patents-Go"}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([-.].*)?$`)

// licence is what the licence files of a folder say, all of which have to be allowed.
func licence(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenceFile.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		found := licensecheck.Scan(text)
		if found.Percent < 75 {
			return nil, fmt.Errorf("%s: only %.0f %% of it is a licence that is known", e.Name(), found.Percent)
		}
		for _, m := range found.Match {
			switch {
			case slices.Contains(notices, m.ID) || slices.Contains(names, m.ID):
			case !slices.Contains(allowed, m.ID):
				return nil, fmt.Errorf("%s: %s is not allowed", e.Name(), m.ID)
			default:
				names = append(names, m.ID)
			}
		}
	}
	if names == nil {
		return nil, errors.New("no licence")
	}
	return names, nil
}

// TestModules: with -v, the list.
func TestModules(t *testing.T) {
	t.Parallel()
	looked := map[string]bool{}
	for _, file := range find(t, "go.mod") {
		cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json")
		cmd.Dir, cmd.Stderr = filepath.Dir(file), t.Output()
		out, err := cmd.Output()
		require.NoError(t, err, file)
		decoder := json.NewDecoder(strings.NewReader(string(out)))
		for {
			var module struct{ Path, Version, Dir, Error string }
			err := decoder.Decode(&module)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			name := module.Path + " " + module.Version
			if looked[name] {
				continue
			}
			looked[name] = true
			require.Empty(t, module.Error, name)
			licences, err := licence(module.Dir)
			if err != nil {
				t.Errorf("%s, in the build list of %s: %v", name, file, err)
			}
			t.Logf("%-70s %s", name, strings.Join(licences, ", "))
		}
	}
	require.Greater(t, len(looked), 10)
}

// TestPackages: npm writes into its lock file what each package says of itself.
func TestPackages(t *testing.T) {
	t.Parallel()
	looked := 0
	for _, file := range find(t, "package-lock.json") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var lock struct {
			Packages map[string]struct{ Version, License string }
		}
		require.NoError(t, json.Unmarshal(text, &lock))
		for name, p := range lock.Packages {
			if name == "" { // what the lock is for: ours
				continue
			}
			looked++
			require.Contains(t, allowed, p.License, "%s: %s", file, name)
			t.Logf("%-70s %s", strings.TrimPrefix(name, "node_modules/")+" "+p.Version, p.License)
		}
	}
	require.Positive(t, looked)
}

// TestRefuses: what is not allowed, and what nobody knows, is an error.
func TestRefuses(t *testing.T) {
	t.Parallel()
	ours, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	require.NoError(t, err)
	const gpl = "This program is free software: you can redistribute it and/or modify it under the terms of the GNU General " +
		"Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.\n"
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":           {nil, "no licence"},
		"an empty one":      {map[string]string{"LICENSE": ""}, "LICENSE: only 0 % of it is a licence that is known"},
		"an unknown one":    {map[string]string{"LICENSE": "Ask me before you use this."}, "LICENSE: only 0 % of it is a licence that is known"},
		"copyleft":          {map[string]string{"COPYING": gpl}, "COPYING: "},
		"ours and copyleft": {map[string]string{"LICENSE": string(ours), "LICENSE.GPL": gpl}, "LICENSE.GPL: "},
		"ours and more":     {map[string]string{"LICENCE.txt": string(ours) + strings.Repeat("But not on Sundays. ", 40)}, "LICENCE.txt: only "},
		"ours":              {map[string]string{"LICENSE.md": string(ours)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range tt.files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
			}
			names, err := licence(dir)
			if tt.want == "" {
				require.NoError(t, err)
				require.Equal(t, []string{"MIT"}, names)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// find returns the files of that name in the repository.
func find(t *testing.T, name string) (all []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "node_modules", ".tools"}, entry.Name()):
			return fs.SkipDir
		case entry.Name() == name:
			all = append(all, path)
		}
		return nil
	}))
	require.NotEmpty(t, all)
	return all
}
