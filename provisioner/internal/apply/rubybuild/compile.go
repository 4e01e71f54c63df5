package rubybuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/ruby"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

const (
	// pluginDir is where rbenv looks for ruby-build, below its root.
	pluginDir = "/plugins/ruby-build"
	// packagedTool is where Debian's package has it.
	packagedTool = "/usr/bin/ruby-build"
	// logDir is where the log of a failed build stays.
	logDir = "/var/log/deployhost"
)

// compile builds a version in the stage, publishes it and sends it back.
func (s *Site) compile(ctx context.Context, in rubypack.Inputs) error {
	s.Events.Progress(fmt.Sprintf("Ruby %s is compiled, which takes minutes", in.Version))
	if err := s.installCompilers(); err != nil {
		return err
	}
	start := time.Now()
	if err := s.fill(ctx, in, start); err != nil {
		return err
	}
	header, err := s.header(in, start)
	if err != nil {
		return err
	}
	if err := s.publish(header, built); err != nil {
		return err
	}
	s.Events.Progress(fmt.Sprintf("Ruby %s: built in %.1f s", in.Version, header.Seconds))
	if err := s.sendBack(header); err != nil {
		s.Events.Warn(fmt.Sprintf("ruby: %s could not be packed for the cache, so the next bake compiles it again: %v", in.Version, err))
	}
	return nil
}

// fill makes the staged version what was asked for, and proves that it is.
func (s *Site) fill(ctx context.Context, in rubypack.Inputs, start time.Time) error {
	tool, err := s.tool(in)
	if err != nil {
		return err
	}
	if err := s.defined(in, tool); err != nil {
		return err
	}
	room, err := s.room(in.Version)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.path(s.stage("/log")), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	w := &work{site: s, version: in.Version, log: log, room: room, start: start}
	c, err := s.command(in, tool)
	if err != nil {
		return err
	}
	if err := w.run(ctx, "compiling", c); err != nil {
		return err
	}
	if err := s.gems(ctx, in, w); err != nil {
		return err
	}
	problem, err := s.prove(in, room)
	if err == nil && problem != "" {
		err = errors.New("ruby: what was compiled is not what was asked for: " + problem)
	}
	if err != nil {
		return w.failed(err)
	}
	return nil
}

// tool is ruby-build's path.
func (s *Site) tool(in rubypack.Inputs) (string, error) {
	tool := packagedTool
	if source := s.build().Source; source != nil {
		tool = s.Ruby.Root + pluginDir + "/bin/ruby-build"
		if _, err := ruby.Checkout(s.Host, *source, s.Ruby.Root+pluginDir); err != nil {
			return "", err
		}
	}
	text, err := os.ReadFile(s.path(tool))
	if err != nil {
		return "", fmt.Errorf("ruby: this ruby-build cannot be used: %w", err)
	}
	const override = "RUBY_BUILD_TARBALL_OVERRIDE"
	if in.Tarball != "" && !strings.Contains(string(text), override) {
		return "", fmt.Errorf("ruby: this ruby-build is too old for ruby.tarball (it knows no %s), and would fetch another source without a word: write a definition file that names the tarball, or name a newer ruby-build in ruby_build", override)
	}
	return tool, nil
}

// defined tells whether ruby-build knows the version, and what is near it.
func (s *Site) defined(in rubypack.Inputs, tool string) error {
	if in.Definition != "" {
		return nil
	}
	out, err := s.Host.Do(host.Command{Args: []string{tool, "--definitions"}})
	if err != nil {
		return fmt.Errorf("ruby: %w", err)
	}
	names := strings.Fields(out.Stdout)
	if slices.Contains(names, in.Version) {
		return nil
	}
	release := in.Version[:strings.LastIndexByte(in.Version, '.')+1]
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, release) })
	near := "none of " + release + "*"
	if release != "" && len(names) > 0 {
		near = strings.Join(names, ", ")
	}
	return fmt.Errorf("ruby: ruby-build knows no Ruby %s, but %s: is the version right? The distribution's package knows the Rubies of its day: "+
		"name a newer one in ruby_build { … }, or a definition file of your own (definition)", in.Version, near)
}

// command is one run of ruby-build.
func (s *Site) command(in rubypack.Inputs, tool string) (host.Command, error) {
	definition := in.Version
	if in.Definition != "" {
		definition = s.stage("/sources/" + in.Version)
		if err := os.WriteFile(s.path(definition), []byte(in.Definition), 0o644); err != nil {
			return host.Command{}, err
		}
	}
	env := []string{
		"TMPDIR=" + s.stage("/tmp"),
		"RUBY_CONFIGURE_OPTS=" + strings.Join(configureOptions(in), " "),
	}
	for name, value := range map[string]string{
		"RUBY_BUILD_TARBALL_OVERRIDE": in.Tarball, "RUBY_BUILD_MIRROR_URL": s.build().Mirror,
		"MAKE_OPTS": strings.Join(in.Make, " "), "RUBY_CFLAGS": in.CFlags,
	} {
		// ruby-build asks whether some of them are set, not what they are.
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	slices.Sort(env)
	return host.Command{Args: []string{tool, definition, in.Prefix}, Env: env, Dir: s.stage("/tmp")}, nil
}

func configureOptions(in rubypack.Inputs) []string {
	options := slices.Clone(in.Configure)
	if in.Jemalloc {
		options = append(options, "--with-jemalloc")
	}
	if in.YJIT {
		options = append(options, "--enable-yjit")
	}
	return options
}

// room is where the stage's versions are seen in the place of the published
// ones. Where no room can be made, as in an unprivileged container, a link
// shows the version for as long as the work takes; then there is no room.
func (s *Site) room(version string) (*host.Room, error) {
	if err := os.Mkdir(s.path(s.staged(version)), 0o755); err != nil {
		return nil, err
	}
	room := &host.Room{From: s.stage("/versions"), At: s.versions()}
	out, err := s.Host.Run(host.Command{Args: []string{"true"}, Room: room})
	if err == nil && out.Code == 0 {
		return room, nil
	}
	if s.exists(s.Ruby.DirOf(version)) {
		return nil, fmt.Errorf("ruby: %s is to be made anew, which takes a mount, and this host allows none: remove the directory earlier in the build, or start from an image without it", s.Ruby.DirOf(version))
	}
	return nil, os.Symlink(s.staged(version), s.path(s.Ruby.DirOf(version)))
}

// gems installs bundler and other gems into the version.
func (s *Site) gems(ctx context.Context, in rubypack.Inputs, w *work) error {
	for _, gem := range in.Gems {
		name, version, _ := strings.Cut(gem, ":")
		args := []string{in.Prefix + "/bin/gem", "install", "--no-document", "--force", "--version", version}
		if in.GemSource != "" {
			args = append(args, "--clear-sources", "--source", in.GemSource)
		}
		c := host.Command{Args: append(args, name), Env: []string{"PATH=" + in.Prefix + "/bin:" + host.Path}}
		if err := w.run(ctx, "installing the gem "+name+" "+version, c); err != nil {
			return err
		}
	}
	return nil
}

// prove runs the version as the deploy user, before rbenv lists it to anybody.
func (s *Site) prove(in rubypack.Inputs, room *host.Room) (string, error) {
	problem, err := ruby.Prove(s.Host, s.User, s.Ruby.Root, in.Version, room)
	if err != nil || problem != "" {
		return problem, err
	}
	program := in.Prefix + "/bin/ruby"
	for _, check := range []struct {
		asked bool
		args  []string
		words string
	}{
		{in.YJIT, []string{program, "--yjit", "-e", "exit RubyVM::YJIT.enabled?"}, "yjit = true has no effect: this Ruby has no YJIT, or found no rustc that is new enough"},
		{in.Jemalloc, []string{program, "-e", `exit RbConfig::CONFIG.values_at("MAINLIBS", "LIBS").join.include?("jemalloc")`}, "jemalloc = true has no effect: this Ruby does not link to it"},
	} {
		if !check.asked {
			continue
		}
		out, err := s.Host.Run(host.Command{Args: check.args, Room: room})
		if err != nil {
			return "", err
		}
		if out.Code != 0 {
			return check.words + ". Ruby says: " + out.Tail(), nil
		}
	}
	return "", nil
}

// keepLog saves a failed build's logs from the stage, and tells where.
func (s *Site) keepLog(version string) string {
	to := logDir + "/ruby-" + version + ".log"
	if err := os.MkdirAll(s.path(logDir), 0o755); err != nil {
		return ""
	}
	var all []byte
	for _, log := range s.logs() {
		text, err := os.ReadFile(log)
		if err == nil {
			all = append(append(all, "==> "+path.Base(log)+"\n"...), text...)
		}
	}
	if os.WriteFile(s.path(to), all, 0o644) != nil {
		return ""
	}
	return to
}
