package bench

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// turn is one way of doing a thing; do does it n times.
type turn struct {
	name string
	do   func(n int)
}

// sample has, for each turn, how many nanoseconds one took in each round.
type sample map[string][]float64

// interleave does all turns round after round, each for about as long as slice, and once at least; what is short is done
// twice, and the second time counts. What else the machine does at a time falls on neighbours alike, so that ratios
// within a round carry further than times do.
func interleave(turns []turn, rounds int, slice time.Duration) sample {
	times := make([]int, len(turns))
	for i, t := range turns {
		times[i] = t.fit(slice)
	}
	got := sample{}
	for round := range rounds {
		runtime.GC() // nobody is to pay for what the last round left behind
		for i := range turns {
			if round%2 == 1 { // who comes later is interrupted more often
				i = len(turns) - 1 - i
			}
			if times[i] > 1 {
				turns[i].do(times[i]) // what the others have driven out of the caches comes back
			}
			start := time.Now()
			turns[i].do(times[i])
			got[turns[i].name] = append(got[turns[i].name], float64(time.Since(start))/float64(times[i]))
		}
	}
	return got
}

// fit returns how often t can be done within slice.
func (t turn) fit(slice time.Duration) int {
	for n := 1; ; n *= 2 {
		took := time.Hour
		for range 10 { // at the first time caches are cold, and any may be interrupted
			start := time.Now()
			t.do(n)
			if took = min(took, max(time.Since(start), 1)); took > 20*slice {
				break
			}
		}
		if took > slice/2 {
			return max(1, int(time.Duration(n)*slice/took))
		}
	}
}

// ratio is how many times as long as b a took: the median of the rounds.
func (s sample) ratio(a, b string) float64 {
	list := make([]float64, len(s[a]))
	for i := range list {
		list[i] = s[a][i] / s[b][i]
	}
	return median(list)
}

func (s sample) median(name string) float64 { return median(s[name]) }

// p99 is what one in a hundred exceeds.
func p99(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)*99/100]
}

// hits turns a rival into a turn. Accounts and scope sets are asked for at random, in an order that costs nothing.
func hits(tb testing.TB, r rival, accounts, sets int) turn {
	if r.flat {
		accounts, sets = 1, 1
	}
	return turn{r.name, func(n int) {
		order := pseudo(n)
		for range n {
			at := order.next()
			if err := r.hit(int(at>>32)%accounts, int(at>>16&0xffff)%sets); err != nil {
				tb.Fatal(r.name, err)
			}
		}
	}}
}

// pseudo is a generator of numbers that look random, in two instructions.
type pseudo uint64

func (p *pseudo) next() uint64 {
	*p = *p*6364136223846793005 + 1442695040888963407
	return uint64(*p) >> 1
}
