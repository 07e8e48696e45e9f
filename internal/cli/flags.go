package cli

import "github.com/spf13/pflag"

// addTarget adds the flags that choose what to render for.
func (f *renderFlags) addTarget(fl *pflag.FlagSet, usage string) {
	fl.StringSliceVarP(&f.backends, "backend", "b", []string{"all"}, usage)
	fl.StringVar(&f.scope, "scope", "system", "system or user services")
	fl.StringVar(&f.family, "family", "debian", "file layout of the distribution: debian, redhat, void or s6-rc")
}

// addPolicy adds the flags that say which losses are accepted.
func (f *renderFlags) addPolicy(fl *pflag.FlagSet) {
	fl.BoolVar(&f.policy.Strict, "strict", false, "refuse every loss, not only those of security settings")
	fl.StringSliceVar(&f.policy.Allow, "allow-loss", nil, "accept losing these fields or groups, such as sandboxing or limits.memory")
}
