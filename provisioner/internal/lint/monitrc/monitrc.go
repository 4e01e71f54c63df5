package monitrc

import (
	"strconv"
	"strings"
)

// MaxCycles is how many rounds a condition may take; with one more monit reads
// nothing at all (monit(1), FAULT TOLERANCE).
const MaxCycles = 64

// File is one control file.
type File struct {
	Tokens []Token
	Checks []*Check
	// Programs are all that the file has monit run.
	Programs []*Program
	// Interval is "set daemon", in seconds; 0 when the file does not say.
	Interval int
}

// Check is one "check TYPE NAME".
type Check struct {
	Kind, Name string
	Line       int
	Depends    []Token
	Conditions []Condition
	// Starts tells whether monit has a program to start it with.
	Starts bool
}

// Program is what "start program", "exec" and the like run.
type Program struct {
	Command Token
	// User and Group are those of "as uid … and gid …"; nil when they are not given.
	User, Group *Token
}

// Condition is one "if … then ACTION".
type Condition struct {
	Line int
	// Gone is "does not exist"; Failed is a test of a connection.
	Gone, Failed bool
	// Cycles is how many rounds it must hold before monit acts.
	Cycles int
	// Action is in small letters: "start", "restart", "alert"…
	Action string
}

// Parse never fails: what it does not know it skips.
func Parse(text []byte) File {
	p := parser{file: File{Tokens: Tokens(text)}, check: &Check{}}
	for p.at < len(p.file.Tokens) {
		p.next()
	}
	return p.file
}

type parser struct {
	file File
	at   int
	// check is what the statements belong to; before the first one, nothing's.
	check   *Check
	program *Program
	// as is true inside "as uid … and gid …".
	as bool
}

// peek is the token so many places on; a zero token behind the end.
func (p *parser) peek(ahead int) Token {
	if p.at+ahead < 0 || p.at+ahead >= len(p.file.Tokens) {
		return Token{}
	}
	return p.file.Tokens[p.at+ahead]
}

// next takes at least one token.
func (p *parser) next() {
	t := p.peek(0)
	wasAs := p.as
	p.as = false
	switch {
	case t.is("check") && p.at+2 < len(p.file.Tokens):
		p.check = &Check{Kind: p.peek(1).Text, Name: p.peek(2).Text, Line: t.Line}
		p.file.Checks = append(p.file.Checks, p.check)
		p.at += 2
	case t.is("set") && p.peek(1).is("daemon"):
		p.file.Interval, _ = number(p.peek(2)) // not a number: not known
		p.at++
	case t.is("start", "stop", "restart") && p.peek(1).is("program"):
		p.check.Starts = p.check.Starts || t.is("start")
		p.at++
		p.run()
	case t.is("exec"):
		p.run()
	case t.is("as"), wasAs && t.is("and", "using"):
		p.as = true
	case wasAs && t.is("uid", "gid"):
		p.identity(t)
	case t.is("depends", "depend"):
		p.depends()
	case t.is("if"):
		p.condition()
	}
	p.at++
}

// run notes the string that follows, at once or after "=".
func (p *parser) run() {
	if p.peek(1).is("=") {
		p.at++
	}
	command := p.peek(1)
	if command.Quote == 0 {
		return
	}
	p.at++
	p.program = &Program{Command: command}
	p.file.Programs = append(p.file.Programs, p.program)
}

func (p *parser) identity(t Token) {
	name := p.peek(1)
	if p.program == nil || name.Text == "" {
		return
	}
	if t.is("uid") {
		p.program.User = &name
	} else {
		p.program.Group = &name
	}
	p.at++
	p.as = true
}

func (p *parser) depends() {
	if p.peek(1).is("on") {
		p.at++
	}
	for p.peek(1).Text != "" {
		p.at++
		p.check.Depends = append(p.check.Depends, p.peek(0))
		if !p.peek(1).is(",") {
			return
		}
		p.at++
	}
}

// condition looks ahead to the action, and takes only the "if": the action may
// be an exec, whose program is read afterwards.
func (p *parser) condition() {
	c := Condition{Line: p.peek(0).Line, Cycles: 1}
	for i := 1; ; i++ {
		t := p.peek(i)
		switch {
		case t == Token{}, t.is("if", "check"):
			return
		case t.is("then"):
			c.Action = lower(p.peek(i + 1))
			p.check.Conditions = append(p.check.Conditions, c)
			return
		case t.is("exist") && (p.peek(i-1).is("not") || p.peek(i-1).is("does")):
			c.Gone = true
		case t.is("failed"):
			c.Failed = true
		case t.is("cycles", "cycle", "times"):
			c.Cycles = p.cycles(i, c.Cycles)
		}
	}
}

// cycles reads "for N cycles" and "N times within M cycles", where N counts.
func (p *parser) cycles(i, so int) int {
	n, ok := number(p.peek(i - 1))
	if !ok || p.peek(i-2).is("within") {
		return so
	}
	return n
}

// number is below 2^20, so that seconds and cycles can be multiplied.
func number(t Token) (int, bool) {
	n, err := strconv.ParseUint(t.Text, 10, 20)
	return int(n), err == nil
}

func lower(t Token) string { return strings.ToLower(t.Text) }
