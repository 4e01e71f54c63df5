package app

// Linted is what the linter has to know of one service besides its unit.
type Linted struct {
	// Unit is the unit's name.
	Unit string
	// Puma and Sidekiq are the version of the one that the unit runs; 0 when
	// it runs another, or when the version is not known.
	Puma, Sidekiq [3]int
	// PidFile is the one that the unit has to write below %t for monit; empty
	// when the program writes its own.
	PidFile string
}

// Linted lists the services as the linter sees them.
func (a App) Linted(h Host) []Linted {
	var out []Linted
	for _, s := range a.services(h) {
		l := Linted{Unit: string(s.Unit)}
		switch s.Kind {
		case "puma":
			l.Puma = s.Version.numbers()
		case "sidekiq":
			l.Sidekiq = s.Version.numbers()
		}
		if s.PidFile == "" {
			l.PidFile = s.Unit.Prefix() + ".pid"
		}
		out = append(out, l)
	}
	return out
}
