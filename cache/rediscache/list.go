package rediscache

import (
	"context"
	"iter"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// pageSize is how many names the server looks at in one step. Others have to
// wait meanwhile, and each step is a round trip.
const pageSize = 1000

// globs are the characters that mean something in a pattern of SCAN.
var globs = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// List goes through all names of the server, those of other programs included.
// SCAN may show a name twice.
func (s *store) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		nodes, err := s.nodes(ctx)
		if err != nil {
			yield("", explain(ctx, "list", err))
			return
		}
		begin, end := s.prefix+":{", "}"
		pattern, seen := globs.Replace(begin+prefix)+"*"+end, map[string]bool{}
		for _, node := range nodes {
			for cursor := uint64(0); ; {
				var names []string
				names, cursor, err = node.Scan(ctx, cursor, pattern, pageSize).Result()
				if err != nil {
					yield("", explain(ctx, "list", err))
					return
				}
				for _, name := range names {
					key := strings.TrimSuffix(strings.TrimPrefix(name, begin), end)
					if seen[key] || checkKey(key) != nil {
						continue
					}
					seen[key] = true
					if !yield(key, nil) {
						return
					}
				}
				if cursor == 0 {
					break
				}
			}
		}
	}
}

// nodes are the servers that have records: each has its own names.
func (s *store) nodes(ctx context.Context) (nodes []redis.Cmdable, err error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return []redis.Cmdable{s.client}, nil
	}
	var mu sync.Mutex
	err = cluster.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		nodes = append(nodes, node)
		return nil
	})
	return nodes, err
}
