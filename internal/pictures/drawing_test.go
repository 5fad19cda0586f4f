package pictures

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"
	"time"
)

// Units of a picture. A cell is twice as high as wide, so that the half blocks of a code for cameras are squares.
const (
	cellWidth, cellHeight = 8, 16
	margin, bar           = 20, 34
)

// The colors of the text are readable on both grounds; those of a code for cameras are the same on both.
const head = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>%[3]s</title>
<style>
text{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:#1f2328}
.window{fill:#fff;stroke:#d1d9e0}.bar{stroke:#d1d9e0}.button{fill:#d1d9e0}.cover{fill:#fff}.cursor{fill:#59636e}
.bold{font-weight:700}.dim{fill:#59636e}.red{fill:#cf222e}.green{fill:#1a7f37}
.code{shape-rendering:crispEdges;stroke-width:8;stroke:#fff;fill:none}.black{fill:#000;shape-rendering:crispEdges}.later{visibility:hidden}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.window{fill:#0d1117;stroke:#3d444d}.bar{stroke:#3d444d}.button{fill:#3d444d}.cover{fill:#0d1117}.cursor{fill:#9198a1}
.dim{fill:#9198a1}.red{fill:#ff7b72}.green{fill:#3fb950}
}
@media (prefers-reduced-motion:no-preference){
%[4]s}
</style>
<rect class="window" x=".5" y=".5" width="%[5]d" height="%[6]d" rx="9"/><path class="bar" d="M1 %[7]d.5h%[8]d"/>
<g class="button"><circle cx="20" cy="17" r="5"/><circle cx="38" cy="17" r="5"/><circle cx="56" cy="17" r="5"/></g>
<clipPath id="text"><path d="M%[9]d %[7]dh%[10]dv%[6]dh-%[10]dz"/></clipPath>
`

// span is from one frame to before another.
type span struct{ from, to int }

// draw makes an SVG that shows the frames one after the other, and again and again: to readers who want no motion, and
// where nothing moves, the poster alone. It has no script.
func (r *recording) draw() string {
	parts, whole := map[span][]string{}, span{0, len(r.frames)}
	for row := range r.height() {
		for from := 0; from < len(r.frames); {
			drawn, to := r.row(from, row), from+1
			for to < len(r.frames) && r.row(to, row) == drawn {
				to++
			}
			if drawn != "" {
				parts[span{from, to}] = append(parts[span{from, to}], drawn)
			}
			from = to
		}
	}
	for i, f := range r.frames {
		if last := len(f.lines) - 1; f.typed > 0 {
			parts[span{i, i + 1}] = append(parts[span{i, i + 1}], cover(i, len(f.lines[last])-f.typed, last))
		}
	}
	spans := slices.SortedFunc(maps.Keys(parts), func(a, b span) int { // the long ones first: a cover lies on what it covers
		return cmp.Or(-cmp.Compare(a.to-a.from, b.to-b.from), a.from-b.from)
	})
	var b strings.Builder
	w, h := r.size()
	fmt.Fprintf(&b, head, w, h, html.EscapeString(r.title), r.animations(spans), w-1, h-1, bar-1, w-2, margin, columns*cellWidth)
	for _, s := range spans {
		class := ""
		if s.from > r.poster || s.to <= r.poster {
			class = "later"
		}
		if s != whole {
			class = strings.TrimSpace(class + " " + s.name())
		}
		fmt.Fprintf(&b, "<g class=\"%s\">\n%s</g>\n", class, strings.Join(parts[s], ""))
	}
	return b.String() + "</svg>\n"
}

// height is in rows.
func (r *recording) height() (most int) {
	for _, f := range r.frames {
		most = max(most, len(f.lines))
	}
	return most
}

// size is that of the picture.
func (r *recording) size() (width, height int) {
	return columns*cellWidth + 2*margin, bar + r.height()*cellHeight + 3*margin/2
}

func (s span) name() string { return fmt.Sprintf("s%dto%d", s.from, s.to) }

// animations are the style rules by which each span comes and goes, and by which the cursor moves.
func (r *recording) animations(spans []span) string {
	starts, total := make([]time.Duration, len(r.frames)+1), time.Duration(0)
	for i, f := range r.frames {
		starts[i], total = total, total+f.hold
	}
	starts[len(r.frames)] = total
	at := func(d time.Duration) string { return fmt.Sprintf("%.4g%%", 100*d.Seconds()/total.Seconds()) }
	var b strings.Builder
	rule := func(name, frames string) {
		fmt.Fprintf(&b, ".%[1]s{animation:%[1]s %.4gs step-end infinite}@keyframes %[1]s{%[3]s}\n", name, total.Seconds(), frames)
	}
	for _, s := range spans {
		if s.to-s.from == len(r.frames) {
			continue
		}
		frames := at(starts[s.from]) + "{visibility:visible}"
		if s.from > 0 {
			frames = "0%{visibility:hidden}" + frames
		}
		if s.to < len(r.frames) {
			frames += at(starts[s.to]) + "{visibility:hidden}"
		}
		rule(s.name(), frames)
	}
	for i, f := range r.frames {
		if f.typed > 0 {
			rule(typing(i), fmt.Sprintf("%s{transform:none;animation-timing-function:steps(%d)}%s{transform:translateX(%dpx)}",
				at(starts[i]), f.typed, at(starts[i]+time.Duration(f.typed)*perKey), f.typed*cellWidth))
		}
	}
	return b.String()
}

func typing(frame int) string { return fmt.Sprintf("typing%d", frame) }

// cover hides what is not typed yet. It has the cursor at its head, and moves aside.
func cover(frame, column, row int) string {
	x, y, width := margin+column*cellWidth, bar+margin/2+row*cellHeight, (columns-column)*cellWidth
	return fmt.Sprintf("<g clip-path=\"url(#text)\"><g class=\"%s\"><path class=\"cover\" d=\"M%d %dh%dv%dh-%dz\"/><path class=\"cursor\" d=\"M%d %dh%dv%dh-%dz\"/></g></g>\n",
		typing(frame), x, y, width, cellHeight, width, x, y, cellWidth, cellHeight, cellWidth)
}

// row draws one line of a frame.
func (r *recording) row(frame, row int) string {
	lines := r.frames[frame].lines
	if row >= len(lines) {
		return ""
	}
	var b strings.Builder
	y := bar + margin/2 + row*cellHeight
	b.WriteString(ground(lines[row], y))
	b.WriteString(blocks(lines[row], y))
	for from := 0; from < len(lines[row]); {
		to := from + 1
		for to < len(lines[row]) && lines[row][to].style == lines[row][from].style {
			to++
		}
		b.WriteString(text(lines[row][from:to], from, y))
		from = to
	}
	return b.String()
}

// text draws cells of one style. Each word group that two blanks end is placed by itself: no font can move it.
func text(cells line, column, y int) string {
	class := ""
	if names := strings.TrimSpace(cells[0].text + " " + cells[0].weight); names != "" {
		class = fmt.Sprintf(" class=%q", names)
	}
	var b strings.Builder
	words := strings.Map(func(r rune) rune {
		if isBlock(r) {
			return ' '
		}
		return r
	}, cells.String())
	runes := []rune(words)
	for from := 0; from < len(runes); {
		if runes[from] == ' ' {
			from++
			continue
		}
		to := from + 1
		for to < len(runes) && (runes[to] != ' ' || to+1 < len(runes) && runes[to+1] != ' ') {
			to++
		}
		fmt.Fprintf(&b, "<text%s x=\"%d\" y=\"%d\" textLength=\"%d\">%s</text>\n",
			class, margin+(column+from)*cellWidth, y+12, (to-from)*cellWidth, html.EscapeString(string(runes[from:to])))
		from = to
	}
	return b.String()
}

// ground draws what is behind the cells.
func ground(l line, y int) string {
	var b strings.Builder
	for from := 0; from < len(l); {
		to := from + 1
		for to < len(l) && l[to].ground == l[from].ground {
			to++
		}
		if l[from].ground != "" {
			fmt.Fprintf(&b, "<path class=%q d=\"M%d %dh%dv%dh-%[4]dz\"/>\n", l[from].ground, margin+from*cellWidth, y, (to-from)*cellWidth, cellHeight)
		}
		from = to
	}
	return b.String()
}

func isBlock(r rune) bool { return r == '█' || r == '▀' || r == '▄' }

// blocks draws the blocks of a code for cameras, which no font draws without gaps: each half of the cells as one dashed line.
func blocks(l line, y int) string {
	var path strings.Builder
	for half, block := range []rune{'▀', '▄'} {
		for from := 0; from < len(l); {
			to := from
			for to < len(l) && (l[to].r == '█' || l[to].r == block) {
				to++
			}
			if to > from {
				fmt.Fprintf(&path, "M%d %dh%d", margin+from*cellWidth, y+half*cellHeight/2+cellHeight/4, (to-from)*cellWidth)
			}
			from = max(to, from+1)
		}
	}
	if path.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("<path class=\"code\" d=\"%s\"/>\n", &path)
}
