//! Charts, drawn here: each says what it shows in words, and has its numbers in a table beside it.

use jiff::civil::Date;
use maud::{Markup, html};
use shared::statistics::Day;
use shared::sync::Run;

use super::words::{duration, thousands};

const WIDTH: usize = 640;
const HEIGHT: usize = 150;
/// The most bars of a chart.
const MAX_BARS: usize = 60;

/// One thing that is drawn, with its name and the class that colours it.
struct Series {
    name: &'static str,
    class: &'static str,
    values: Vec<usize>,
}

/// How the directory stood, and who came and went, day by day.
pub(super) fn days(days: &[Day], since: Date, until: Date) -> Markup {
    let days = filled(days, since, until);
    if days.len() < 2 {
        return html! { p.quiet { "Charts appear here from the second day on." } };
    }
    let number = |value: i64| usize::try_from(value).unwrap_or_default();
    let changed = |value: u64| usize::try_from(value).unwrap_or_default();
    let labels: Vec<String> = days.iter().map(|day| day.date.to_string()).collect();
    let stood = [
        Series {
            name: "active users",
            class: "first",
            values: days.iter().map(|day| number(day.counts.active)).collect(),
        },
        Series {
            name: "inactive users",
            class: "second",
            values: days.iter().map(|day| number(day.counts.inactive())).collect(),
        },
    ];
    let moved = [
        Series {
            name: "became active",
            class: "first",
            values: days.iter().map(|day| changed(day.activated)).collect(),
        },
        Series {
            name: "became inactive",
            class: "second",
            values: days.iter().map(|day| changed(day.deactivated)).collect(),
        },
    ];
    html! {
        div.charts {
            (chart("Active and inactive users", &labels, &stood, lines, &thousands))
            (chart("Users who came and went, by day", &labels, &moved, bars, &thousands))
        }
    }
}

/// How long runs took and how many requests they made, the latest last.
pub(super) fn runs(runs: &[Run]) -> Markup {
    let ended: Vec<&Run> = runs.iter().rev().filter(|run| run.duration_ms().is_some()).collect();
    let ended = ended.get(ended.len().saturating_sub(MAX_BARS)..).unwrap_or_default();
    if ended.len() < 2 {
        return html! {};
    }
    let labels: Vec<String> = ended.iter().map(|run| run.requested_at.strftime("%m-%d %H:%M").to_string()).collect();
    let took = ended.iter().map(|run| usize::try_from(run.duration_ms().unwrap_or_default()).unwrap_or_default());
    let asked = ended.iter().map(|run| usize::try_from(run.effort.graph_requests).unwrap_or_default());
    let took = [Series { name: "duration", class: "first", values: took.collect() }];
    let asked = [Series { name: "requests", class: "first", values: asked.collect() }];
    let in_time = |value: usize| duration(i64::try_from(value).unwrap_or(i64::MAX));
    html! {
        div.charts {
            (chart("How long the latest runs took", &labels, &took, bars, &in_time))
            (chart("Requests of Microsoft Graph, by run", &labels, &asked, bars, &thousands))
        }
    }
}

/// A day for each date: where none was noted, everything stood as on the one before.
fn filled(days: &[Day], since: Date, until: Date) -> Vec<Day> {
    let mut filled: Vec<Day> = Vec::new();
    let mut noted = days.iter().filter(|day| day.date >= since).peekable();
    let mut date = noted.peek().map_or(until, |first| first.date);
    while date <= until {
        match noted.next_if(|day| day.date == date) {
            Some(day) => filled.push(day.clone()),
            None => {
                filled.extend(filled.last().cloned().map(|last| Day { date, activated: 0, deactivated: 0, ..last }));
            }
        }
        match date.tomorrow() {
            Ok(next) => date = next,
            Err(_) => break,
        }
    }
    filled
}

fn chart(
    title: &str,
    labels: &[String],
    series: &[Series],
    draw: fn(&[Series], usize) -> Markup,
    say: &dyn Fn(usize) -> String,
) -> Markup {
    let most = series.iter().flat_map(|one| &one.values).copied().max().unwrap_or_default();
    let (first, last) = (labels.first().map_or("", String::as_str), labels.last().map_or("", String::as_str));
    html! {
        figure.chart {
            figcaption {
                (title)
                @if series.len() > 1 { @for one in series { " " span.key.(one.class) { (one.name) } } }
            }
            svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 20)) role="img" aria-label=(in_words(title, series, first, last, say)) {
                (draw(series, most.max(1)))
                line.axis x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                text.tick x="0" y="12" { (say(most)) }
                text.tick x="0" y=(HEIGHT + 16) { (first) }
                text.tick.end x=(WIDTH) y=(HEIGHT + 16) { (last) }
            }
            details {
                summary { "The numbers" }
                div.scroll tabindex="0" role="region" aria-label=(title) { table {
                    thead { tr { th scope="col" { "When" } @for one in series { th.number scope="col" { (one.name) } } } }
                    tbody {
                        @for (place, label) in labels.iter().enumerate().rev() {
                            tr {
                                th scope="row" { (label) }
                                @for one in series { td.number { (say(one.values.get(place).copied().unwrap_or_default())) } }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// What there is to see, for who does not.
fn in_words(title: &str, series: &[Series], first: &str, last: &str, say: &dyn Fn(usize) -> String) -> String {
    let of = |one: &Series| {
        let number = |value: Option<&usize>| say(value.copied().unwrap_or_default());
        let most = number(one.values.iter().max());
        format!(
            "{}: {} at first, {} at last, {most} at most",
            one.name,
            number(one.values.first()),
            number(one.values.last())
        )
    };
    format!("{title}, {first} to {last}. {}.", series.iter().map(of).collect::<Vec<_>>().join("; "))
}

fn lines(series: &[Series], most: usize) -> Markup {
    html! {
        @for one in series {
            @let last = one.values.len().saturating_sub(1).max(1);
            @let points: Vec<String> = one.values.iter().enumerate()
                .map(|(place, value)| format!("{},{}", place * WIDTH / last, HEIGHT - value * (HEIGHT - 18) / most))
                .collect();
            polyline.line.(one.class) points=(points.join(" ")) {}
        }
    }
}

fn bars(series: &[Series], most: usize) -> Markup {
    html! {
        @for (beside, one) in series.iter().enumerate() {
            @let room = (WIDTH / one.values.len().max(1)).max(1);
            @let width = (room * 4 / 5 / series.len()).max(1);
            @for (place, value) in one.values.iter().enumerate().filter(|(_, value)| **value > 0) {
                @let height = (value * (HEIGHT - 18) / most).max(1);
                rect.bar.(one.class) x=(place * WIDTH / one.values.len().max(1) + beside * width) y=(HEIGHT - height) width=(width) height=(height) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use shared::directory::DirectoryCounts;

    use super::*;

    fn day(day_of_month: i8, active: i64, activated: u64) -> Day {
        let counts = DirectoryCounts { active, deleted: 2, ..DirectoryCounts::default() };
        Day { date: date(2026, 3, day_of_month), counts, activated, deactivated: 0 }
    }

    #[test]
    fn days_without_a_note_stood_as_the_one_before_and_nobody_came_or_went() {
        let days = filled(&[day(1, 5, 5), day(4, 7, 2)], date(2026, 3, 1), date(2026, 3, 5));
        let seen: Vec<(i64, u64)> = days.iter().map(|day| (day.counts.active, day.activated)).collect();
        assert_eq!(seen, [(5, 5), (5, 0), (5, 0), (7, 2), (7, 0)]);
        assert_eq!(filled(&[], date(2026, 3, 1), date(2026, 3, 5)), []);
    }

    #[test]
    fn a_chart_says_in_words_what_it_shows() {
        let markup = days(&[day(1, 5, 5), day(2, 1_207, 2)], date(2026, 1, 1), date(2026, 3, 2)).into_string();
        let words = "Active and inactive users, 2026-03-01 to 2026-03-02. active users: 5 at first, 1,207 at last, 1,207 at most; \
                     inactive users: 2 at first, 2 at last, 2 at most.";
        assert!(markup.contains(&format!("aria-label=\"{words}\"")), "{markup}");
        assert!(markup.contains("<polyline class=\"line first\" points=\"0,150 640,18\">"), "{markup}");
        assert!(
            days(&[day(1, 5, 5)], date(2026, 1, 1), date(2026, 3, 1)).into_string().contains("from the second day on")
        );
    }
}
