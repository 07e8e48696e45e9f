package advice

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/trace"
	"github.com/daemonize/daemonize/hardening/unit"
)

// Risk is how likely a change breaks the service.
type Risk uint8

// The risks, see the package comment.
const (
	None Risk = iota
	Knowledge
	Likely
)

// Risks lists the words for the risks.
func Risks() []string { return []string{"none", "knowledge", "likely"} }

// String returns none, knowledge or likely.
func (r Risk) String() string { return Risks()[r] }

// MarshalText writes the word.
func (r Risk) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Profile is how far the advice goes; each includes the ones before.
type Profile uint8

// The profiles. Baseline takes away what hardly any service uses, Standard fits
// services that keep to their own files and the network, Strict takes away
// everything that is not known to be needed.
const (
	Baseline Profile = iota
	Standard
	Strict
)

// Profiles lists the words for the profiles.
func Profiles() []string { return []string{"baseline", "standard", "strict"} }

// String returns baseline, standard or strict.
func (p Profile) String() string { return Profiles()[p] }

// MarshalText writes the word.
func (p Profile) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Kind is what sort of work a service does.
type Kind uint8

// The kinds of services. A service can be of several: a web server in
// JavaScript is Web and JITRuntime.
const (
	Web           Kind = iota // answers over the network
	Worker                    // works without being asked over the network
	NetworkClient             // asks others over the network
	TimerJob                  // runs and ends
	JITRuntime                // makes machine code while it runs
)

// Kinds lists the words for the kinds.
func Kinds() []string { return []string{"web", "worker", "network-client", "timer-job", "jit-runtime"} }

// String returns the word.
func (k Kind) String() string { return Kinds()[k] }

// MarshalText writes the word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// DropIn is the file name of the drop-in that holds the changes of a native
// unit, below NAME.service.d.
const DropIn = "50-daemonize-hardening.conf"

// Input is what [Advise] works on.
type Input struct {
	// Loader finds the unit, and Load asks it for it: by name, or by file.
	Loader *unit.Loader
	Load   func(*unit.Loader) (*unit.Unit, error)
	// Tree is the root of the host or of the image that the service runs on, to
	// look at its programs; nil if there is none.
	Tree fs.FS
	// Trace holds what was seen of the service; nil if nothing was.
	Trace *trace.Facts
	// Systemd is the target's version. Nothing that is newer is proposed. Scores
	// are those of the nearest version that can be computed (250 to 262). 0
	// means the version the loader is for.
	Systemd int
	Profile Profile
	// Kinds of the service; empty: they are guessed.
	Kinds []Kind
	// Risk is the highest that the selected changes may have.
	Risk Risk
}

// Assign sets one directive.
type Assign struct {
	// Field is its name in a daemonize spec.
	Field string `json:"field"`
	// Directive is its name in a unit.
	Directive string `json:"directive"`
	// Items is the value: one item, or those of a list, which may be empty.
	Items []string `json:"value"`
	// List is set if the spec takes a list.
	List bool `json:"list"`
	// Append is set if the items go to those that are there.
	Append bool `json:"append,omitempty"`
	// Bool is set if the spec takes true or false.
	Bool bool `json:"-"`
}

// Change is one proposal.
type Change struct {
	// Directive names it: that of its first assignment.
	Directive string   `json:"directive"`
	Set       []Assign `json:"set"`
	// Gain is by how much the exposure falls if only this change is made, After
	// the exposure with this and all changes before it. Changes that are not
	// selected have the exposure of the selected ones with them.
	Gain  hardening.Exposure `json:"gain"`
	After hardening.Exposure `json:"after"`
	// Scored is false for settings that the exposure does not look at.
	Scored  bool    `json:"scored"`
	Profile Profile `json:"profile"` // the first that proposes it
	Risk    Risk    `json:"risk"`
	Fact    string  `json:"fact"`  // what decides the risk
	Check   string  `json:"check"` // how to see that it works
	Since   int     `json:"since"` // the version of systemd that has it
	Ref     string  `json:"reference"`
	// Contradicted is the line of the trace that shows the service needs what
	// the change takes away; nil if there is none.
	Contradicted *trace.Place `json:"contradicted,omitempty"`
}

// Doubt is a setting that the unit has although it is not known to fit.
type Doubt struct {
	Directive    string       `json:"directive"`
	Fact         string       `json:"fact"`
	Origin       unit.Origin  `json:"origin"`
	Contradicted *trace.Place `json:"contradicted,omitempty"`
}

// Plan is the advice for one service.
type Plan struct {
	Unit     string    `json:"unit"`
	Path     string    `json:"path"`
	Systemd  int       `json:"systemd"` // the target's version
	Scope    string    `json:"scope"`
	Profile  Profile   `json:"profile"`
	Kinds    []Kind    `json:"kinds"`
	User     string    `json:"user"` // as whom the service starts
	Programs []Program `json:"programs"`
	// Before and After are the exposures without and with the selected changes.
	Before hardening.Exposure `json:"before"`
	After  hardening.Exposure `json:"after"`
	// Changes are selected; Withheld have a higher risk than was asked for;
	// Dropped are contradicted by the trace.
	Changes  []Change `json:"changes"`
	Withheld []Change `json:"withheld"`
	Dropped  []Change `json:"dropped"`
	Doubts   []Doubt  `json:"doubts"`
}

// Advise makes a plan for a unit. The error is that of loading it; a unit that
// starts no processes has no sandbox to advise on.
func Advise(in *Input) (*Plan, error) {
	// What an earlier run wrote is left out, so that the plan is complete and
	// the same on every run.
	u, err := in.Load(in.Loader.With(DropIn, ""))
	if err != nil {
		return nil, err
	}
	if !u.HasSandbox() || len(u.Commands) == 0 {
		return nil, fmt.Errorf("cannot advise on %s: it starts no processes", u.Name)
	}
	if in.Systemd == 0 {
		in.Systemd = u.Version
	}
	s := newSubject(in, u)
	p := &Plan{
		Unit: u.Name, Path: u.Path, Systemd: in.Systemd, Scope: u.Scope.String(), Profile: in.Profile, Kinds: s.kinds, User: s.user,
		Programs: unique(s.programs), Changes: []Change{}, Withheld: []Change{}, Dropped: []Change{}, Doubts: []Doubt{},
	}
	before := hardening.Assess(u, hardening.Options{})
	p.Before = before.Exposure
	for i := range rules {
		r := &rules[i]
		if r.since > in.Systemd || r.system && u.Scope == unit.User || r.profile > in.Profile {
			continue
		}
		v := r.verdict(s)
		if len(v.set) == 0 {
			continue
		}
		if r.done(s, v) {
			if v.risk == Likely || v.against != nil {
				p.doubt(s, r, v)
			}
			continue
		}
		c := Change{
			Directive: r.directive, Set: v.set, Profile: r.profile, Risk: v.risk, Fact: v.fact,
			Check: r.check, Since: r.since, Ref: r.ref, Contradicted: v.against,
		}
		switch {
		case v.against != nil:
			p.Dropped = append(p.Dropped, c)
		case v.risk > in.Risk:
			p.Withheld = append(p.Withheld, c)
		default:
			p.Changes = append(p.Changes, c)
		}
	}
	return p, p.score(in)
}

// score fills in gains. Each is measured: the unit is loaded again with the
// change as a drop-in.
func (p *Plan) score(in *Input) error {
	assess := func(changes ...Change) (hardening.Assessment, error) {
		u, err := in.Load(in.Loader.With(DropIn, DropInText(changes)))
		if err != nil {
			return hardening.Assessment{}, err
		}
		return hardening.Assess(u, hardening.Options{}), nil
	}
	base, err := assess()
	if err != nil {
		return err
	}
	p.After = p.Before
	for i := range p.Changes {
		after, err := assess(p.Changes[:i+1]...)
		if err != nil {
			return err
		}
		p.Changes[i].After = after.Exposure
		p.After = after.Exposure
	}
	for _, list := range [][]Change{p.Changes, p.Withheld, p.Dropped} {
		for i := range list {
			c := &list[i]
			alone, err := assess(*c)
			if err != nil {
				return err
			}
			c.Gain = base.Exposure - min(alone.Exposure, base.Exposure)
			c.Scored = differs(&base, &alone)
			if &list[0] != first(p.Changes) {
				with, err := assess(append(slices.Clone(p.Changes), *c)...)
				if err != nil {
					return err
				}
				c.After = with.Exposure
			}
		}
	}
	return nil
}

func first(list []Change) *Change {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

// differs reports whether some check has another result.
func differs(a, b *hardening.Assessment) bool {
	for i := range a.Rows {
		if a.Rows[i].Badness != b.Rows[i].Badness || a.Rows[i].Applies != b.Rows[i].Applies {
			return true
		}
	}
	return false
}

// doubt notes a setting that is in place and does not fit.
func (p *Plan) doubt(s *subject, r *rule, v verdict) {
	d := Doubt{Directive: r.directive, Fact: v.fact, Contradicted: v.against}
	name, _, _ := strings.Cut(r.directive, "=")
	if list := s.unit.Get("Service", name); len(list) > 0 {
		d.Origin = list[len(list)-1].Origin
		p.Doubts = append(p.Doubts, d)
	}
}

func unique(list []Program) []Program {
	out := make([]Program, 0, len(list))
	for _, p := range list {
		if !slices.ContainsFunc(out, func(o Program) bool { return o.Path == p.Path }) {
			out = append(out, p)
		}
	}
	return out
}

// DropInText writes changes as a drop-in for a unit, each with the fact that
// decided it. Lists that the unit has are replaced, except where a change only
// adds to them.
func DropInText(changes []Change) string {
	var b strings.Builder
	b.WriteString("# Written by `daemonize harden`. Remove this file to undo it.\n[Service]\n")
	for i := range changes {
		if c := &changes[i]; c.Fact != "" {
			b.WriteString("\n# " + strings.Map(printable, c.Fact) + "\n")
		}
		for _, a := range changes[i].Set {
			a.write(&b)
		}
	}
	return b.String()
}

// printable keeps comments on their line.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

func (a *Assign) write(b *strings.Builder) {
	if !a.List {
		fmt.Fprintf(b, "%s=%s\n", a.Directive, strings.Join(a.Items, " "))
		return
	}
	if !a.Append {
		fmt.Fprintf(b, "%s=\n", a.Directive)
	}
	// What is allowed and what is taken away again cannot stand on one line.
	var allowed, denied []string
	for _, item := range a.Items {
		if d, ok := strings.CutPrefix(item, "~"); ok {
			denied = append(denied, d)
		} else {
			allowed = append(allowed, item)
		}
	}
	// One on a line: these take no list (DeviceAllow=).
	if a.Directive == "DeviceAllow" {
		for _, item := range allowed {
			fmt.Fprintf(b, "%s=%s\n", a.Directive, item)
		}
		return
	}
	if len(allowed) > 0 {
		fmt.Fprintf(b, "%s=%s\n", a.Directive, strings.Join(allowed, " "))
	}
	if len(denied) > 0 {
		fmt.Fprintf(b, "%s=~%s\n", a.Directive, strings.Join(denied, " "))
	}
}

// Value returns an assignment as the directive shows it, for people.
func (a *Assign) Value() string { return strings.Join(a.Items, " ") }

// Line returns the assignment as a line of a unit.
func (a *Assign) Line() string { return a.Directive + "=" + a.Value() }

// Spec returns the assignment as a field of a spec.
func (a *Assign) Spec() string {
	switch {
	case a.List && a.Value() != "yes":
		return a.Field + ": [" + strings.Join(a.Items, ", ") + "]"
	case a.Bool, a.List:
		return a.Field + ": true"
	}
	return a.Field + ": " + a.Value()
}
