package schedule_test

import (
	"fmt"
	"time"

	"github.com/daemonize/daemonize/spec/schedule"
)

func Example() {
	s, err := schedule.ParseCron("30 4 1,15 * fri")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rule := range s {
		fmt.Println("OnCalendar=" + rule.Calendar())
	}
	for _, at := range s.Upcoming(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), 3, time.UTC) {
		fmt.Println(at.Format("Mon 2006-01-02 15:04"))
	}
	// Output:
	// OnCalendar=*-*-01,15 04:30:00
	// OnCalendar=Fri *-*-* 04:30:00
	// Fri 2026-05-01 04:30
	// Fri 2026-05-08 04:30
	// Fri 2026-05-15 04:30
}

func ExampleParseCalendar() {
	_, err := schedule.ParseCalendar("Mon..Fri 25:00")
	fmt.Println(err)
	// Output: hour: 25 is above 23
}

func ExampleCronLines() {
	s, err := schedule.ParseCalendar("Mon *-*-01..03 05:30")
	if err != nil {
		fmt.Println(err)
		return
	}
	lines, err := schedule.CronLines(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range lines {
		fmt.Println(line.Fields())
		fmt.Print(line.Guard.Shell())
	}
	// Output:
	// 30 5 1-3 * *
	// guard_due=
	// guard_now=$(LC_ALL=C date '+%w') || exit 1
	// guard_weekday=$guard_now
	// case $guard_weekday in
	// 1)
	// 	guard_due=1
	// 	;;
	// esac
	// [ -n "$guard_due" ] || exit 0
}
