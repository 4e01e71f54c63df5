package lint

import (
	"path"
	"regexp"
	"slices"
	"strings"

	shell "mvdan.cc/sh/v3/syntax"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/unitfile"
)

var execKeys = []string{"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost"}

// commands are all Exec…= lines of a service that count.
func (u unit) commands() []unitfile.Assignment {
	var out []unitfile.Assignment
	for _, key := range execKeys {
		out = append(out, u.List("Service", key)...)
	}
	return out
}

// command is one Exec…= line in words, without systemd's prefixes
// (systemd.service(5), "Special executable prefixes").
func command(a unitfile.Assignment) []string {
	words, ok := unitfile.Words(a.Value)
	if !ok || len(words) == 0 {
		return nil
	}
	words[0] = strings.TrimLeft(words[0], "-@:+!|")
	return words
}

// eachCommand asks find about every command; an empty answer is no finding.
func (u unit) eachCommand(find func(key string, words []string) string) []hit {
	var out []hit
	for _, a := range u.commands() {
		if words := command(a); len(words) > 0 {
			if text := find(a.Key, words); text != "" {
				out = append(out, hit{a.Line, text})
			}
		}
	}
	return out
}

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// execAssignment reports VAR=value before the program.
func execAssignment(u unit) []hit {
	return u.eachCommand(func(key string, words []string) string {
		if name := assignment.FindString(words[0]); name != "" {
			return key + "= begins with " + name + "…"
		}
		return ""
	})
}

// execRelative reports programs that are not named by an absolute path.
func execRelative(u unit) []hit {
	return u.eachCommand(func(key string, words []string) string {
		if p := words[0]; strings.HasPrefix(p, "/") || strings.HasPrefix(p, "%") || assignment.MatchString(p) {
			return ""
		}
		return key + "= runs " + words[0] + ", which is no absolute path"
	})
}

// execEnv reports variables that env(1) sets.
func execEnv(u unit) []hit {
	return u.eachCommand(func(key string, words []string) string {
		if path.Base(words[0]) != "env" {
			return ""
		}
		for _, w := range words[1:] {
			if name := assignment.FindString(w); name != "" {
				return key + "= sets " + name + "… through env"
			}
			if !strings.HasPrefix(w, "-") {
				return ""
			}
		}
		return ""
	})
}

var shellOperators = []string{"|", "||", "&", "&&", ">", ">>", "<", "2>", "2>>", "2>&1", "&>", ">/dev/null", "2>/dev/null"}

// execOperator reports a shell's syntax outside of a shell.
func execOperator(u unit) []hit {
	return u.eachCommand(func(key string, words []string) string {
		for _, w := range words[1:] {
			if slices.Contains(shellOperators, w) {
				return key + "= has " + w + " among its arguments"
			}
		}
		return ""
	})
}

var shells = []string{"sh", "bash", "dash", "zsh", "ksh"}

// shellScript is what a shell runs with -c; empty for other commands.
func shellScript(words []string) string {
	if !slices.Contains(shells, path.Base(words[0])) {
		return ""
	}
	for i, w := range words[1:] {
		if strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--") && strings.HasSuffix(w, "c") && i+2 < len(words) {
			return words[i+2]
		}
	}
	return ""
}

// execShell reports ExecStart= shells that stay between systemd and the service.
func execShell(u unit) []hit {
	return u.eachCommand(func(key string, words []string) string {
		if script := shellScript(words); key == "ExecStart" && script != "" && !endsInExec(script) {
			return key + "= runs a shell whose last command is not exec"
		}
		return ""
	})
}

// endsInExec tells whether a script replaces the shell with its last command.
// What does not parse, or ends in a longer construct, is not judged.
func endsInExec(script string) bool {
	file, err := shell.NewParser(shell.Variant(shell.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil || len(file.Stmts) == 0 {
		return true
	}
	cmd := file.Stmts[len(file.Stmts)-1].Cmd
	for {
		if b, ok := cmd.(*shell.BinaryCmd); ok && b.Op == shell.AndStmt {
			cmd = b.Y.Cmd
			continue
		}
		break
	}
	call, ok := cmd.(*shell.CallExpr)
	return !ok || len(call.Args) > 0 && call.Args[0].Lit() == "exec"
}
