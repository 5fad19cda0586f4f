package guides

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"mvdan.cc/sh/v3/syntax"
	"sigs.k8s.io/yaml"
)

// Manifests are decoded as the cluster would under strict validation: a member that it does not know, or that comes twice,
// is an error. Whether it would take the values, only a cluster knows.
func TestManifests(t *testing.T) {
	t.Parallel()
	all := blocks(t, "yaml")
	require.NotEmpty(t, all)
	for _, b := range all {
		t.Run(b.page, func(t *testing.T) {
			t.Parallel()
			decode(t, b.text)
		})
	}
}

func decode(t *testing.T, text string) {
	t.Helper()
	for document := range strings.SplitSeq(text, "\n---\n") {
		var head struct{ APIVersion, Kind string }
		require.NoError(t, yaml.Unmarshal([]byte(document), &head))
		strict := func(into any) { require.NoError(t, yaml.UnmarshalStrict([]byte(document), into), document) }
		switch head.APIVersion + " " + head.Kind {
		case "apps/v1 Deployment":
			var d appsv1.Deployment
			strict(&d)
			require.Equal(t, d.Spec.Selector.MatchLabels, d.Spec.Template.Labels)
			mounts(t, d.Spec.Template.Spec)
		case "batch/v1 Job":
			var j batchv1.Job
			strict(&j)
			require.Contains(t, []corev1.RestartPolicy{"Never", "OnFailure"}, j.Spec.Template.Spec.RestartPolicy)
			mounts(t, j.Spec.Template.Spec)
		case "v1 PersistentVolumeClaim":
			strict(&corev1.PersistentVolumeClaim{})
		case "v1 Secret":
			strict(&corev1.Secret{})
		case " ": // a part of a pod
			require.True(t, strings.HasPrefix(document, "spec:\n"), document)
			var p corev1.Pod
			strict(&p)
			mounts(t, p.Spec)
		default:
			require.Fail(t, "nothing checks this kind", document)
		}
	}
}

// mounts holds that what containers mount is there, and all of it mounted; and that a key is for its owner alone, because
// cache.KeyFile refuses another one. What a shell is to run is parsed.
func mounts(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	there, used := map[string]bool{}, map[string]bool{}
	for _, v := range pod.Volumes {
		there[v.Name] = true
		if v.Secret != nil {
			require.NotNil(t, v.Secret.DefaultMode, v.Name)
			require.EqualValues(t, 0o400, *v.Secret.DefaultMode, v.Name)
		}
	}
	for _, c := range append(pod.InitContainers, pod.Containers...) {
		if len(c.Command) == 3 && c.Command[0] == "sh" {
			_, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(c.Command[2]), c.Name)
			require.NoError(t, err)
		}
		for _, m := range c.VolumeMounts {
			used[m.Name] = true
		}
	}
	require.Equal(t, there, used)
}
