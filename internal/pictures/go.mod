module github.com/staysigned/staysigned/internal/pictures

go 1.26.0

require (
	github.com/staysigned/staysigned v0.0.0-00010101000000-000000000000
	github.com/staysigned/staysigned/internal/keychains v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/coreos/go-oidc/v3 v3.21.0 // indirect
	github.com/danieljoos/wincred v1.2.3 // indirect
	github.com/go-jose/go-jose/v4 v4.1.8 // indirect
	github.com/godbus/dbus/v5 v5.2.4 // indirect
	github.com/gofrs/flock v0.13.1 // indirect
	github.com/zalando/go-keyring v0.2.8 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	github.com/staysigned/staysigned => ../..
	github.com/staysigned/staysigned/internal/keychains => ../keychains
)
