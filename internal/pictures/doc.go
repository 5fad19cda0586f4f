// Package pictures makes the pictures of the prose from the programs as they are, and tells when they are out of date.
//
//	go test -C internal/pictures -count=1 -update .
//
// makes them anew, in docs/pictures. Without -update the same programs run, and what they print has to be what the
// recordings show, byte for byte. Of the pages that people see in a browser the HTML is compared, and the size of the
// picture: pixels are not the same with another browser or other fonts.
//
// Run .ci/install once, then the tests. A test that misses a part fails and says so; none is skipped.
//
// The programs run in a terminal, tmux, with a home and a keychain of their own. What differs from run to run is
// replaced before it is drawn: ports, the directory of the home, the seconds of a countdown, the code of a device, which
// the platform's answer has already when the program gets it. A URL with challenges in it is cut short. Pauses are those of
// a reader, not of the machine.
//
// Where to read, all of it in tests: pictures is what is recorded; terminal is tmux, record what a screen shows over time,
// escapes reads its colors, and drawing makes an SVG of it; world is the platform and a person, chromium the browser, and
// pages what is seen there.
package pictures
