//! Constructors for timetables. CircleCI requires that a timetable has days of the week or days of the month.

use crate::generated::types::{DayOfWeek, Timetable};

impl Timetable {
    /// Creates a timetable that triggers on `days_of_week`. On these days, it triggers `per_hour` times (1 to 60) in each
    /// hour of `hours_of_day` (0 to 23, UTC).
    ///
    /// ```
    /// use circleci_api::types::{DayOfWeek, Timetable};
    ///
    /// let nightly = Timetable::weekly(1, [2], [DayOfWeek::Mon, DayOfWeek::Thu]);
    /// assert!(nightly.days_of_month.is_none());
    /// ```
    pub fn weekly(
        per_hour: i64,
        hours_of_day: impl IntoIterator<Item = i64>,
        days_of_week: impl IntoIterator<Item = DayOfWeek>,
    ) -> Self {
        Self::new(per_hour, hours_of_day).days_of_week(days_of_week)
    }

    /// Creates a timetable that triggers on `days_of_month` (1 to 31). On these days, it triggers `per_hour` times (1 to
    /// 60) in each hour of `hours_of_day` (0 to 23, UTC).
    ///
    /// ```
    /// use circleci_api::types::Timetable;
    ///
    /// let on_the_first = Timetable::monthly(1, [6], [1]);
    /// assert!(on_the_first.days_of_week.is_none());
    /// ```
    pub fn monthly(
        per_hour: i64,
        hours_of_day: impl IntoIterator<Item = i64>,
        days_of_month: impl IntoIterator<Item = i64>,
    ) -> Self {
        Self::new(per_hour, hours_of_day).days_of_month(days_of_month)
    }
}
