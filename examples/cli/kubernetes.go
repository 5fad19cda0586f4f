package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) kubernetes() *cobra.Command {
	c := &cobra.Command{
		Use:     "kubernetes [scope]...",
		Aliases: []string{"kubectl"},
		Short:   "An ExecCredential for kubectl",
		Long: "Print an ExecCredential of client.authentication.k8s.io, in the version that kubectl asks for. The token is\n" +
			"an access token: a cluster has to take those of the scopes that are named, or that the profile names.",
		Example: "  users:\n    - name: me\n      user:\n        exec:\n          apiVersion: client.authentication.k8s.io/v1\n" +
			"          interactiveMode: Never\n          command: staysigned\n          args: [credential, kubernetes]",
	}
	return a.action(c, a.withSession(func(ctx context.Context, s *session, scope []string) error {
		version, err := execVersion(os.Getenv("KUBERNETES_EXEC_INFO"))
		if err != nil {
			return err
		}
		out, err := a.secretOutput()
		if err != nil {
			return err
		}
		token, err := s.token(ctx, asIs, scope)
		if err != nil {
			return err
		}
		type status struct {
			ExpirationTimestamp string `json:"expirationTimestamp"`
			Token               string `json:"token"`
		}
		return json.NewEncoder(out).Encode(struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Status     status `json:"status"`
		}{version, "ExecCredential", status{token.Expiry.UTC().Format(time.RFC3339), token.AccessToken()}})
	}))
}

// execVersion is the version of the answer: that of the question, which is empty where nobody but a person asks.
func execVersion(info string) (string, error) {
	const v1, beta = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
	if info == "" {
		return v1, nil
	}
	var question struct {
		APIVersion string `json:"apiVersion"`
	}
	if err := json.Unmarshal([]byte(info), &question); err != nil {
		return "", usage(fmt.Errorf("KUBERNETES_EXEC_INFO is not an ExecCredential: %w", err))
	}
	if question.APIVersion != v1 && question.APIVersion != beta {
		return "", usage(fmt.Errorf("kubectl wants %q, and there is %s and %s", question.APIVersion, v1, beta))
	}
	return question.APIVersion, nil
}
