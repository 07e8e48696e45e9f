package schedule

import (
	"iter"
	"math/bits"
	"strconv"
)

// Set is a set of the numbers 0 to 63, one bit each. It is a plain value: the
// methods never change it, and == compares contents. The zero Set is empty.
type Set uint64

// The sets that restrict nothing, one for each field of a [Rule].
const (
	AllMonths   Set = 1<<13 - 1<<1
	AllDays     Set = 1<<32 - 1<<1
	AllWeekdays Set = 1<<7 - 1
	AllHours    Set = 1<<24 - 1
	AllMinutes  Set = 1<<60 - 1
	AllSeconds  Set = 1<<60 - 1
)

// SetOf returns the set of the given numbers; those outside 0 to 63 are left out.
func SetOf(values ...int) Set {
	var s Set
	for _, v := range values {
		s = s.With(v)
	}
	return s
}

// With returns s and v.
func (s Set) With(v int) Set {
	if v < 0 || v > 63 {
		return s
	}
	return s | 1<<v
}

// Has reports whether v is in the set.
func (s Set) Has(v int) bool { return v >= 0 && v <= 63 && s>>v&1 == 1 }

// Len returns how many numbers the set holds.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// Full reports whether the set holds every number from lo to hi.
func (s Set) Full(lo, hi int) bool {
	return bits.TrailingZeros64(^(uint64(s) >> lo)) > hi-lo
}

// Min returns the smallest number, or -1 if there is none.
func (s Set) Min() int { return s.next(0) }

// Max returns the largest number, or -1 if there is none.
func (s Set) Max() int { return bits.Len64(uint64(s)) - 1 }

// All yields the numbers in ascending order.
func (s Set) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for v := s.next(0); v >= 0; v = s.next(v + 1) {
			if !yield(v) {
				return
			}
		}
	}
}

// next returns the smallest number that is at least v, or -1.
func (s Set) next(v int) int {
	if v > 63 {
		return -1
	}
	if s = s >> v << v; s == 0 {
		return -1
	}
	return bits.TrailingZeros64(uint64(s))
}

// appendList appends the numbers with at least width digits, joined by sep.
func (s Set) appendList(b []byte, width int, sep byte) []byte {
	first := true
	for v := range s.All() {
		if !first {
			b = append(b, sep)
		}
		first = false
		if width == 2 && v < 10 {
			b = append(b, '0')
		}
		b = strconv.AppendInt(b, int64(v), 10)
	}
	return b
}

// The years a calendar knows; the bounds are systemd's (calendarspec.c,
// MIN_YEAR and MAX_YEAR), after which nothing elapses any more.
const (
	MinYear = 1970
	MaxYear = 2199
)

// YearSet is a set of the years [MinYear] to [MaxYear]. The zero YearSet means
// any year, and so does the set of all of them, which is turned into it.
type YearSet [4]uint64

// Years returns the set of the given years; those out of bounds are left out.
func Years(years ...int) YearSet {
	var s YearSet
	for _, y := range years {
		s.add(y)
	}
	return s.normal()
}

func (s *YearSet) add(y int) {
	if i := y - MinYear; i >= 0 && y <= MaxYear {
		s[i/64] |= 1 << (i % 64)
	}
}

// normal gives "every year" its one spelling.
func (s YearSet) normal() YearSet {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	if n == MaxYear-MinYear+1 {
		return YearSet{}
	}
	return s
}

// Any reports whether the years are not restricted.
func (s YearSet) Any() bool { return s == YearSet{} }

// Has reports whether the year is in the set, which for [YearSet.Any] means
// whether it is within bounds.
func (s YearSet) Has(y int) bool {
	i := y - MinYear
	return i >= 0 && y <= MaxYear && (s.Any() || s[i/64]>>(i%64)&1 == 1)
}

// All yields the years in ascending order; for [YearSet.Any] all of them.
func (s YearSet) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for y := MinYear; y <= MaxYear; y++ {
			if s.Has(y) && !yield(y) {
				return
			}
		}
	}
}

// appendCalendar writes the years as systemd does: `*`, or a list of years,
// ranges a..b and repetitions a/n, of which the last reaches to MaxYear.
func (s YearSet) appendCalendar(b []byte) []byte {
	if s.Any() {
		return append(b, '*')
	}
	var years []int
	for y := range s.All() {
		years = append(years, y)
	}
	for i := 0; i < len(years); {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(years[i]), 10)
		if i+1 == len(years) {
			break
		}
		step := years[i+1] - years[i]
		j := i + 1
		for j+1 < len(years) && years[j+1]-years[j] == step {
			j++
		}
		switch {
		case step == 1:
			b = append(b, ".."...)
			b = strconv.AppendInt(b, int64(years[j]), 10)
		case j-i >= 2:
			b = append(b, ".."...)
			b = strconv.AppendInt(b, int64(years[j]), 10)
			b = append(b, '/')
			b = strconv.AppendInt(b, int64(step), 10)
		default:
			j = i
		}
		i = j + 1
	}
	return b
}
