//go:build acceptance && linux

package acceptance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// hostileValue is one tag and what has to become of it.
type hostileValue struct {
	name string
	// text is the tag's value as the document writes it; with encoded, the
	// document says elsewhere that it is base64.
	text    string
	encoded bool
	// given is what the hook has to understand; "" for none.
	given string
	// unusable is a list or an object, which is no value.
	unusable bool
	// fallback is the value's default, "" for none.
	fallback string
	canary   bool
}

// refused says why no rule lets the value pass, "" when all do: the rules once
// more, in other words than the code's.
func (v hostileValue) refused() string {
	if v.unusable {
		return "a list or an object"
	}
	return unfitVariable(blueprint.EnvVar{Name: v.name, Value: v.given})
}

// arrives is what a service gets.
func (v hostileValue) arrives() (value string, ok bool) {
	if v.given != "" && v.refused() == "" {
		return v.given, true
	}
	return v.fallback, v.fallback != ""
}

// hostileSource makes values. Each holds mark, by which it is found wherever it went.
type hostileSource struct {
	*valueSource
	mark  string
	count int
}

func (h *hostileSource) next() hostileValue {
	h.count++
	v := hostileValue{name: fmt.Sprintf("V%05d", h.count)}
	if h.chance(20) {
		v.fallback = fmt.Sprintf("default %d", h.count)
	}
	return v
}

func (h *hostileSource) canary() hostileValue {
	h.count++
	v := hostileValue{name: fmt.Sprintf("CANARY%05d", h.count), canary: true}
	v.given = fmt.Sprintf("canary %d %s", h.count, h.mark)
	v.text = quoteASCII(v.given)
	return v
}

// payload tries to be run by whoever reads it as more than text. What it makes
// must never be there.
func (h *hostileSource) payload() string {
	touch := fmt.Sprintf("touch %s/%d", hostilePwned, h.count)
	exec := "ExecStartPre=/usr/bin/" + touch
	return h.pick([]string{
		"$(" + touch + ")", "`" + touch + "`", "; " + touch + ";", "\n" + touch + "\n", "| " + touch, "&& " + touch + " #", "\"; " + touch + "; \"",
		"'; " + touch + "; '", "\\\"\n" + touch + "\n\\\"", "() { :;}; " + touch, "\n[Service]\n" + exec + "\n", "\"\n" + exec + "\n\"",
		"\"\nPWNED=\"yes", "\nPWNED=yes\n", "\\\nPWNED=yes", "\"\nLD_PRELOAD=\"/srv/hostile/no.so", "'\nBASH_ENV='/srv/hostile/no.sh", "\rPWNED=yes\r",
		"<%= `" + touch + "` %>", "#{`" + touch + "`}", "${V00001}", "$CANARY00001", "$${V00001}", "%h%n%%", "$((1+1))", "\u2028PWNED=yes", "\x1b]0;" + touch + "\x07",
		"!ruby/object:Gem::Installer\ni: x", "{{ds.meta_data.tags}}", "## template: jinja\n{{ 7*7 }}",
	})
}

// plainText is any value with the mark in it.
func (h *hostileSource) plainText() string {
	switch h.IntN(20) {
	case 0, 1, 2:
		return h.marked(h.payload())
	case 3:
		if h.chance(40) {
			return h.exactly(8190 + h.IntN(5))
		}
	}
	return h.marked(h.value(nil))
}

// marked puts the mark before, behind or into a value: what is special at one
// of its edges has to stay there now and then.
func (h *hostileSource) marked(value string) string {
	switch at := h.IntN(4); {
	case at == 0 || value == "":
		return h.mark + value
	case at == 1 || !utf8.ValidString(value):
		return value + h.mark
	}
	runes := []rune(value)
	at := h.IntN(len(runes) + 1)
	return string(runes[:at]) + h.mark + string(runes[at:])
}

// exactly makes a value of a size in bytes.
func (h *hostileSource) exactly(size int) string {
	value := strings.ToValidUTF8(h.long(h.mark), "")
	if len(value) > size {
		value = strings.ToValidUTF8(value[:size], "")
	}
	return value + strings.Repeat("x", size-len(value))
}

// inData makes a value for cloud-init's instance data.
func (h *hostileSource) inData() hostileValue {
	v := h.next()
	v.given = h.plainText()
	switch valid := utf8.ValidString(v.given); {
	case !valid && h.chance(50), valid && h.chance(10):
		v.text, v.encoded = `"`+base64.StdEncoding.EncodeToString([]byte(v.given))+`"`, true
	case !valid, h.chance(40):
		v.text = quoteRaw(v.given)
		v.given = string([]rune(v.given)) // JSON is UTF-8: any other byte is read as U+FFFD
	default:
		v.text = quoteASCII(v.given)
	}
	return v
}

// inSeed makes a value for a NoCloud seed, which is read as YAML.
func (h *hostileSource) inSeed() hostileValue {
	v := h.next()
	for v.given = h.plainText(); len(v.given) > 1000 && !h.chance(5); {
		v.given = h.plainText() // PyYAML takes its time
	}
	if !utf8.ValidString(v.given) || h.chance(5) {
		// cloud-init's own way to tell of bytes; whoever tags can write it too.
		v.text = `"ci-b64:` + base64.StdEncoding.EncodeToString([]byte(v.given)) + `"`
		return v
	}
	v.text = quoteSeed(v.given)
	return v
}

// odd are values that are no texts, or not what they look like. In YAML a
// number may lose its form, so they are the instance data's alone.
func (h *hostileSource) odd() []hostileValue {
	var all []hostileValue
	add := func(text, given string, unusable bool) {
		v := h.next()
		v.text, v.given, v.unusable = text, given, unusable
		all = append(all, v)
	}
	for _, number := range []string{
		"1e999", "-1e999", "1E400", "-0", "0.1e-5", "1e-999", "18446744073709551616", strings.Repeat("9", 5000), "1." + strings.Repeat("0", 9000), "true", "false",
	} {
		add(number, number, false)
	}
	for _, none := range []string{"null", `""`, `"redacted for non-root user"`, "NaN", "Infinity", "-Infinity"} {
		add(none, "", false)
	}
	bomb := `"` + h.mark + `"`
	for _, structure := range []string{
		"[]", "{}", "[" + bomb + "]", `{"a":` + bomb + `}`, nested("[", bomb, "]", 9000), nested(`{"a":`, bomb, "}", 9000),
		"[" + strings.Repeat("0,", 100_000) + bomb + "]", `{"a":NaN,"b":` + bomb + `}`,
	} {
		add(structure, "", true)
	}
	for _, surrogates := range []string{`\ud800`, `\udfff`, `\udc00\ud800`, `\ud83d`, `\ud83d\u0041`, `\uDEAD`} {
		given := "\ufffd"
		switch {
		case len(surrogates) > 6 && strings.HasSuffix(surrogates, "1"):
			given = "\ufffdA"
		case len(surrogates) > 6:
			given = "\ufffd\ufffd"
		}
		add(`"`+surrogates+h.mark+`"`, given+h.mark, false)
	}
	add(`"\ud83d\ude80`+h.mark+`"`, "🚀"+h.mark, false)
	add(`"\ud83f\udfff`+h.mark+`"`, "\U0001ffff"+h.mark, false) // a noncharacter
	huge := h.mark + strings.Repeat("y", 1<<20)
	add(quoteASCII(huge), huge, false)
	add(quoteASCII("$("+huge+")"), "$("+huge+")", false)
	return all
}

func nested(opening, inner, closing string, depth int) string {
	return strings.Repeat(opening, depth) + inner + strings.Repeat(closing, depth)
}

// quoteASCII writes a JSON text as cloud-init does.
func quoteASCII(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case r >= ' ' && r < 0x7f:
			out.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&out, `\u%04x`, unit)
			}
		}
	}
	return `"` + out.String() + `"`
}

// quoteSeed writes a text that JSON and YAML read alike: YAML has no surrogate
// pairs, and takes no control character as itself.
func quoteSeed(text string) string {
	var out strings.Builder
	for _, r := range text {
		if r > 0xffff {
			out.WriteRune(r)
			continue
		}
		quoted := quoteASCII(string(r))
		out.WriteString(quoted[1 : len(quoted)-1])
	}
	return `"` + out.String() + `"`
}

// quoteRaw writes as much as JSON allows as it is, bytes that are no UTF-8 too.
func quoteRaw(text string) string {
	var out strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			out.Write([]byte{'\\', c})
		case c < ' ':
			fmt.Fprintf(&out, `\u%04X`, c)
		default:
			out.WriteByte(c)
		}
	}
	return `"` + out.String() + `"`
}

// tags writes an object. What stands first under a name that comes again is
// nothing (RFC 8259 leaves it open; cloud-init and Go take the last).
func tags(values []hostileValue, again bool) string {
	var out strings.Builder
	for i, v := range values {
		if again && i%7 == 0 {
			fmt.Fprintf(&out, "%q: \"not the last\",\n", v.name)
		}
		fmt.Fprintf(&out, "%q: %s,\n", v.name, v.text)
	}
	return "{" + strings.TrimSuffix(out.String(), ",\n") + "}"
}

func mustJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}
