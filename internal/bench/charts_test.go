package bench

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// series is a line of a chart, and point a place on it.
type (
	series struct {
		name   string
		points []point
	}
	point struct{ x, y float64 }
)

// bar is what one rival did in one stampede.
type bar struct {
	group, name      string
	requests, failed float64
}

// plain is a name without its Markdown.
func plain(name string) string { return strings.NewReplacer("*", "", "`", "").Replace(name) }

// Colours that can be told apart on white and on black; text follows the reader's theme where the browser says it.
var colours = []string{"#2f81f7", "#e5534b", "#c69026", "#8b949e", "#57ab5a"}

const chartHead = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>%s</title>
<style>text{fill:#57606a}.grid{stroke:#8b949e;stroke-opacity:.35}@media (prefers-color-scheme:dark){text{fill:#adbac7}}</style>
`

// accountsChart shows what a cached token costs by the number of accounts, both on logarithmic scales.
func accountsChart(lines []series) []byte {
	const width, height, left, top, right, bottom = 760, 420, 80, 40, 190, 60
	lowX, highX, lowY, highY := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, s := range lines {
		for _, p := range s.points {
			lowX, highX, lowY, highY = min(lowX, p.x), max(highX, p.x), min(lowY, p.y), max(highY, p.y)
		}
	}
	decade := func(v float64, round func(float64) float64) float64 { return round(math.Log10(v)) }
	x0, x1 := decade(lowX, math.Floor), max(decade(highX, math.Ceil), decade(lowX, math.Floor)+1)
	y0, y1 := decade(lowY, math.Floor), max(decade(highY, math.Ceil), decade(lowY, math.Floor)+1)
	x := func(v float64) float64 { return left + (math.Log10(v)-x0)/(x1-x0)*(width-left-right) }
	y := func(v float64) float64 { return height - bottom - (math.Log10(v)-y0)/(y1-y0)*(height-top-bottom) }
	var b strings.Builder
	fmt.Fprintf(&b, chartHead, width, height, "Time of a cached token by number of accounts")
	fmt.Fprintf(&b, `<text x="%d" y="20" font-weight="600">Time of a cached token</text>`+"\n", left)
	for e := y0; e <= y1; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, width-right, at, at, left-8, at+4, tick(math.Pow(10, e)))
	}
	for e := x0; e <= x1; e++ {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(math.Pow(10, e)), height-bottom+20, thousands(int(math.Pow(10, e))))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">signed-in accounts</text>`+"\n", (left+width-right)/2, height-bottom+42)
	for i, s := range lines {
		colour := colours[i%len(colours)]
		var path []string
		for _, p := range s.points {
			path = append(path, fmt.Sprintf("%.1f,%.1f", x(p.x), y(p.y)))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x(p.x), y(p.y), colour)
		}
		last := s.points[len(s.points)-1]
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2.5"/><text x="%.1f" y="%.1f" style="fill:%s">%s</text>`+"\n",
			strings.Join(path, " "), colour, x(last.x)+10, y(last.y)+4, colour, html.EscapeString(s.name))
	}
	return []byte(b.String() + "</svg>\n")
}

// tick writes a power of ten nanoseconds.
func tick(ns float64) string {
	unit := []string{"ns", "µs", "ms", "s"}
	i := 0
	for ; ns >= 1000 && i < len(unit)-1; i++ {
		ns /= 1000
	}
	return fmt.Sprintf("%.0f %s", ns, unit[i])
}

// stampedeChart shows how many requests each rival makes where one would do, and how many of its callers fail.
func stampedeChart(bars []bar) []byte {
	const width, left, line, head = 760, 290, 24, 34
	var groups []string
	most := 1.0
	for _, one := range bars {
		if !slices.Contains(groups, one.group) {
			groups = append(groups, one.group)
		}
		most = max(most, one.requests, one.failed)
	}
	height := 50 + len(groups)*head + len(bars)*line
	long := func(v float64) float64 { return max(2, v/most*(width-left-170)) }
	var b strings.Builder
	fmt.Fprintf(&b, chartHead, width, height, "Token requests in a stampede, and callers that fail")
	fmt.Fprintf(&b, `<rect x="%d" y="8" width="12" height="12" fill="%s"/><text x="%d" y="19">token requests</text>`+"\n", left, colours[0], left+18)
	fmt.Fprintf(&b, `<rect x="%d" y="8" width="12" height="12" fill="%s"/><text x="%d" y="19">callers that fail</text>`+"\n", left+140, colours[1], left+158)
	y := 30
	for _, group := range groups {
		y += head
		fmt.Fprintf(&b, `<text x="10" y="%d" font-weight="600">%s</text>`+"\n", y-8, html.EscapeString(group))
		for _, one := range bars {
			if one.group != group {
				continue
			}
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, left-10, y+14, html.EscapeString(one.name))
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="8" fill="%s"/>`, left, y+3, long(one.requests), colours[0])
			label := fmt.Sprintf("%.0f", one.requests)
			if one.failed > 0 {
				fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="8" fill="%s"/>`, left, y+12, long(one.failed), colours[1])
				label += fmt.Sprintf(", %.0f fail", one.failed)
			}
			fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", left+long(max(one.requests, one.failed))+8, y+15, label)
			y += line
		}
	}
	return []byte(b.String() + "</svg>\n")
}
