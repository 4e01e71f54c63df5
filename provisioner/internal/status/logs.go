package status

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// journalTime is for disks that are slow to read.
	journalTime = 8 * time.Second
	// journalEntries are read, so that systemd's own words about restarts do not
	// push the service's out.
	journalEntries = 60
	// ownLines of the service and managerLines about it are kept.
	ownLines, managerLines = 8, 2
	// maxLine is a line's longest, in bytes.
	maxLine = 1000
	// fileTail is how much is read of a log file's end.
	fileTail = 8 << 10
)

// logs reads the end of what each service that is down has said.
func (l *look) logs(ctx context.Context) {
	var parts []func()
	for i := range l.state.Apps {
		for j := range l.state.Apps[i].Services {
			s := &l.state.Apps[i].Services[j]
			if l.state.Apps[i].Deployed != NotDeployed && s.down(l.state.At) {
				s.Log = &Log{Lines: []LogLine{}}
				parts = append(parts, func() { l.log(ctx, s.Name, s.Log) })
			}
		}
	}
	together(parts...)
}

// log looks into the service's own file first, if it has one. What systemd says
// about a service is in the journal in any case.
func (l *look) log(ctx context.Context, unit string, log *Log) {
	var own, manager []LogLine
	var fileErr, journalErr error
	together(
		func() {
			if log.File = l.logFile(unit); log.File != "" {
				own, fileErr = l.fileLog(ctx, log.File)
			}
		},
		func() { manager, journalErr = l.journal(ctx, unit) },
	)
	log.Lines = append(log.Lines, last(own, ownLines)...)
	log.Lines = append(log.Lines, manager...)
	for _, err := range []error{fileErr, journalErr} {
		if err != nil {
			log.Error = readable(l.hideIn(err.Error()))
		}
	}
}

// journal asks for what the unit's processes and its manager have said in this
// boot. The fields are what `journalctl --user-unit` matches, which takes the
// caller's own uid instead of the user's. Root asks as root, who can read a
// journal in /run too; the user can read its own part of one on disk.
func (l *look) journal(ctx context.Context, unit string) ([]LogLine, error) {
	uid := "_UID=" + strconv.Itoa(l.b.User.UID)
	command := l.Users.Command(l.b.User, "journalctl", "--quiet", "--boot", "--output=json",
		"--output-fields=MESSAGE,_SYSTEMD_USER_UNIT", "--lines="+strconv.Itoa(journalEntries),
		uid, "_SYSTEMD_USER_UNIT="+unit, "+", uid, "USER_UNIT="+unit)
	command.As = nil
	out, err := l.ask(ctx, journalTime, command)
	return l.parseJournal(out, unit), err
}

// parseJournal reads journalctl's JSON (systemd.journal-fields(7)), an entry a
// line, and keeps the last of what the unit and what its manager has said.
func (l *look) parseJournal(out, unit string) []LogLine {
	var kept []LogLine
	own, manager := ownLines, managerLines
	lines := strings.Split(out, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		var entry struct {
			Message  json.RawMessage `json:"MESSAGE"`
			Unit     any             `json:"_SYSTEMD_USER_UNIT"`
			Realtime string          `json:"__REALTIME_TIMESTAMP"`
		}
		if json.Unmarshal([]byte(lines[i]), &entry) != nil {
			continue
		}
		left := &manager
		if entry.Unit == unit {
			left = &own
		}
		text := l.logText(message(entry.Message))
		if *left == 0 || text == "" {
			continue
		}
		*left--
		line := LogLine{Text: text}
		if us, err := strconv.ParseInt(entry.Realtime, 10, 64); err == nil {
			line.At = time.UnixMicro(us).UTC().Truncate(time.Second)
		}
		kept = append([]LogLine{line}, kept...)
	}
	return kept
}

// message is a text or, where that is not UTF-8 or has control characters, a
// list of bytes; null when it is too long for journalctl.
func message(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
		return text
	}
	var numbers []int // Go reads a []byte from base64
	if json.Unmarshal(raw, &numbers) != nil || len(numbers) == 0 {
		return "(a line of more than 4096 bytes)"
	}
	bytes := make([]byte, len(numbers))
	for i, n := range numbers {
		bytes[i] = byte(n) //nolint:gosec // journalctl writes bytes
	}
	return string(bytes)
}

// fileLog reads a file's end as the user who owns its directory, who may have
// put anything there.
func (l *look) fileLog(ctx context.Context, file string) ([]LogLine, error) {
	if !l.exists(file) {
		return nil, nil
	}
	out, err := l.run(ctx, "tail", "--bytes="+strconv.Itoa(fileTail), "--", file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(out) == fileTail {
		// The first line may have lost its beginning, and with it half a secret.
		_, out, _ = strings.Cut(out, "\n")
	}
	var lines []LogLine
	for line := range strings.Lines(out) {
		if text := l.logText(line); text != "" {
			lines = append(lines, LogLine{Text: text})
		}
	}
	return lines, nil
}

// logText is one line as it is shown.
func (l *look) logText(raw string) string {
	text := readable(strings.TrimSpace(l.hideIn(raw)))
	if len(text) <= maxLine {
		return text
	}
	return strings.ToValidUTF8(text[:maxLine], "") + "…"
}

func last(lines []LogLine, n int) []LogLine { return lines[max(0, len(lines)-n):] }
