// Package licences holds the licence of every module that this repository is built, tested or measured with against a list
// of those that it may have: all modules in the build lists of all go.mod files, and all packages of npm in lock files. It
// is a module of its own so that the classifier is a dependency of nobody else.
package licences
