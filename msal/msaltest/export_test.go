package msaltest

// AADSTS are the numbers in the table of errors, and whether the platform says them by itself.
func AADSTS() map[int]bool {
	all := map[int]bool{}
	for number, row := range aadsts {
		all[number] = row.when != ""
	}
	return all
}
