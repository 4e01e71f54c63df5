package app

import (
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// Command is a service of any kind that runs in the foreground.
type Command struct {
	Name ServiceName
	Unit systemd.UnitName
	// Type is systemd's: "simple", "exec" or "notify".
	Type string
	// Words are the command's; see ParseWords.
	Words []string
	Process
}

// ParseWords splits a command the way that a shell would, and refuses what
// only a shell can do: systemd starts the program itself, so that its main
// process is the program.
func ParseWords(text string) ([]string, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("is missing: write the program and its arguments; for example \"bundle exec clockwork lib/clock.rb\"")
	}
	if err := systemd.CheckReadable(text); err != nil {
		return nil, fmt.Errorf("%q cannot be written into a unit file: %w", text, err)
	}
	words, err := fields(text)
	if err != nil {
		return nil, fmt.Errorf("%q needs a shell (%w), and systemd starts programs without one: put \"…\" or '…' around what is meant literally, set variables with env, and move everything else into a script of the app", text, err)
	}
	first := words[0]
	switch {
	case strings.Contains(first, "=") && !strings.HasPrefix(first, "/"):
		return nil, fmt.Errorf("%q begins with a variable, which only a shell would set: write it into env", text)
	case strings.Contains(first, "/") && !strings.HasPrefix(first, "/"):
		return nil, fmt.Errorf("%q begins with a relative path, which neither systemd nor rbenv exec finds: write the program that reads the file in front of it, for example \"ruby %s\", or its path from /", text, text)
	case first == "" || strings.HasPrefix(first, "-"):
		return nil, fmt.Errorf("%q begins with %q, which is no program: write its name or its path from /", text, first)
	}
	if strings.HasPrefix(first, "/") {
		if err := systemd.CheckProgram(first); err != nil {
			return nil, err
		}
	}
	return words, nil
}

func fields(text string) ([]string, error) {
	var words []*syntax.Word
	for word, err := range syntax.NewParser().WordsSeq(strings.NewReader(text)) {
		if err != nil {
			return nil, err
		}
		if err := literal(word.Parts, false); err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return nil, errors.New("there is nothing but a comment")
	}
	// Nothing is left to expand: this takes the quotes and backslashes away.
	return expand.Fields(&expand.Config{Env: expand.ListEnviron()}, words...)
}

func literal(parts []syntax.WordPart, quoted bool) error {
	for i, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if !quoted && (strings.ContainsAny(unescaped(part.Value), "*?[{") || i == 0 && strings.HasPrefix(part.Value, "~")) {
				return fmt.Errorf("%q is a pattern", part.Value)
			}
		case *syntax.SglQuoted:
			if part.Dollar {
				return errors.New("$'…' is expanded")
			}
		case *syntax.DblQuoted:
			if part.Dollar {
				return errors.New("$\"…\" is expanded")
			}
			if err := literal(part.Parts, true); err != nil {
				return err
			}
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return errors.New("the output of another command is used")
		case *syntax.ParamExp, *syntax.ArithmExp:
			return errors.New("a \"$\" is expanded")
		default:
			return errors.New("a part of it is expanded")
		}
	}
	return nil
}

// unescaped leaves out every character that a backslash makes literal.
func unescaped(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
			continue
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

func (a App) commandService(h Host, c Command) service {
	s := a.service(h, "service", string(c.Name), c.Process)
	s.Unit, s.Type = c.Unit, c.Type
	s.Exec = c.Words
	if !strings.HasPrefix(c.Words[0], "/") {
		s.Exec = h.ruby(c.Words...)
	}
	return s
}
