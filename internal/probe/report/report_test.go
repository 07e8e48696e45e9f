package report

import "testing"

func TestParse(t *testing.T) {
	r, err := Parse([]byte("starting\n{\"PID\":1}\n{\"PID\":2,\"Env\":{\"A\":\"b\\n}\"}}\n{\"PID\":\n{\"PID\":3}"))
	if err != nil || r.PID != 2 || r.Env["A"] != "b\n}" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, text := range []string{"", "{}", "{\"PID\":\"x\"}\n", "text\n"} {
		if r, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, r)
		}
	}
}
