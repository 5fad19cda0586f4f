package msaltest

// evidence is how it is known that a provider does what the platform does.
const (
	recorded   = "recorded"       // traffic of the service
	documented = "documented"     // by the provider
	source     = "read in source" // of the provider, or of its libraries
	reported   = "reported"       // by people who use it
	unverified = "not verified"
)
