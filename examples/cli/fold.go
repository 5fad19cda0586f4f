package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

var escapes = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// fold breaks the lines of a text between words where they are wider than a terminal, which would break them inside of one.
// It goes on at the indent. An address stays in one piece, and so does the command in which an advice ends: people copy both.
func fold(text string, width, indent int) string {
	var folded strings.Builder
	for line := range strings.Lines(text) {
		said, command, isAdvice := strings.Cut(line, ": "+program+" ")
		words := strings.Split(said, " ")
		if isAdvice {
			words[len(words)-1] += ":"
			words = append(words, program+" "+command)
		}
		column, begun := 0, false // a word stands on this line
		for i, word := range words {
			wide := utf8.RuneCountInString(strings.TrimSuffix(escapes.ReplaceAllString(word, ""), "\n"))
			switch {
			case i == 0:
			case begun && column+1+wide > width:
				folded.WriteString("\n" + strings.Repeat(" ", indent))
				column, begun = indent, false
			default:
				folded.WriteByte(' ')
				column++
			}
			folded.WriteString(word)
			column += wide
			begun = begun || wide > 0
		}
	}
	return folded.String()
}

// tilde is a path as people write it, which begins with their home.
func tilde(path string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	if below, ok := strings.CutPrefix(path, filepath.Clean(home)+string(filepath.Separator)); ok {
		return "~" + string(filepath.Separator) + below
	}
	return path
}
