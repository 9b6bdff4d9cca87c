//! The plot of how time and memory grow with the tenant.

use serde_json::Value;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const PLOT: (f64, f64) = (250.0, 200.0);

/// Two plots beside each other, readable on light and on dark pages.
pub fn scaling(points: &Value) -> String {
    let points: Vec<(f64, f64, f64)> = points
        .as_array()
        .into_iter()
        .flatten()
        .map(|point| {
            (
                point["users"].as_f64().unwrap(),
                point["seconds"].as_f64().unwrap(),
                point["memory"].as_f64().unwrap() / 1_048_576.0,
            )
        })
        .collect();
    let time: Vec<(f64, f64)> = points.iter().map(|(users, seconds, _)| (*users, *seconds)).collect();
    let memory: Vec<(f64, f64)> = points.iter().map(|(users, _, memory)| (*users, *memory)).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"Duration and memory of a full sync against the number of users\">\n\
         <style>text {{ fill: #444 }} .axis {{ stroke: #888 }} .line {{ stroke: #2a6fdb; stroke-width: 2; fill: none }} .dot {{ fill: #2a6fdb }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #ccc }} .line {{ stroke: #7ab0ff }} .dot {{ fill: #7ab0ff }} }}</style>\n{}{}</svg>\n",
        plot(LEFT, "Full sync, seconds", &time),
        plot(LEFT + PLOT.0 + 110.0, "Resident memory, MB", &memory),
    )
}

fn plot(left: f64, title: &str, points: &[(f64, f64)]) -> String {
    let most = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).fold(0.0, f64::max).max(1e-9);
    let (most_users, most_value) = (most(|point| point.0), round_up(most(|point| point.1)));
    let x = |users: f64| left + users / most_users * PLOT.0;
    let y = |value: f64| TOP + PLOT.1 - value / most_value * PLOT.1;
    let mut parts = vec![format!("<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{title}</text>\n", TOP - 16.0)];
    for step in 0..=4 {
        let value = most_value * f64::from(step) / 4.0;
        parts.push(format!(
            "<line class=\"axis\" x1=\"{left}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" opacity=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>\n",
            left + PLOT.0,
            y(value),
            y(value),
            if step == 0 { 1.0 } else { 0.25 },
            left - 8.0,
            y(value) + 4.0,
        ));
    }
    for users in [0.0, most_users / 2.0, most_users] {
        parts.push(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
            x(users),
            TOP + PLOT.1 + 20.0,
            crate::report::thousands(users as u64)
        ));
    }
    parts.push(format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">users</text>\n",
        left + PLOT.0 / 2.0,
        TOP + PLOT.1 + 38.0
    ));
    let line: Vec<String> = points.iter().map(|(users, value)| format!("{:.1},{:.1}", x(*users), y(*value))).collect();
    parts.push(format!("<polyline class=\"line\" points=\"{}\"/>\n", line.join(" ")));
    for (users, value) in points {
        parts.push(format!("<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"/>\n", x(*users), y(*value)));
    }
    parts.concat()
}

/// The next number that divides well by four.
fn round_up(value: f64) -> f64 {
    let magnitude = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * magnitude)
        .find(|step| *step >= value)
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn axes_end_at_round_numbers_above_all_points() {
        for (value, end) in [(7.3, 8.0), (190.0, 200.0), (461.0, 600.0), (0.03, 0.04)] {
            assert!((round_up(value) - end).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn each_point_is_drawn_twice() {
        let svg =
            scaling(&json!([{"users": 1, "seconds": 1.0, "memory": 1}, {"users": 2, "seconds": 2.0, "memory": 2}]));
        assert_eq!(svg.matches("<circle").count(), 4);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }
}
