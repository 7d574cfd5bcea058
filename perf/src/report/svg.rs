//! SVG as text: coordinates in pixels, colours by class, axes by a scale.

use std::fmt::Write;

/// A drawing that grows; its size is said at the end.
#[derive(Debug, Default)]
pub struct Drawing {
    body: String,
}

/// Where a text's point is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Drawing {
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = write!(
            self.body,
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        );
    }

    pub fn bar(&mut self, class: &str, (x, y): (f64, f64), width: f64, height: f64) {
        let width = width.max(1.0);
        let _ = write!(
            self.body,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2"/>"#
        );
    }

    /// A dot that tells `tip` when pointed at.
    pub fn dot(&mut self, class: &str, (x, y): (f64, f64), tip: &str) {
        let tip = escape(tip);
        let _ = write!(
            self.body,
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="4.5"><title>{tip}</title></circle>"#
        );
    }

    pub fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(self.body, r#"<polyline class="{class} curve" points="{}"/>"#, points.join(" "));
    }

    pub fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        let _ = write!(
            self.body,
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        );
    }

    /// The element; `name` is what a screen reader says.
    pub fn finish(self, width: f64, height: f64, name: &str) -> String {
        let name = escape(name);
        format!(
            r#"<svg viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="{name}">{}</svg>"#,
            self.body
        )
    }
}

/// A logarithmic axis: values between `low` and `high` to pixels between `from` and `to`.
#[derive(Debug, Clone, Copy)]
pub struct LogScale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl LogScale {
    /// Wide enough for all values, with some room at both ends. Values of zero and less have no place on it.
    pub fn around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> LogScale {
        let (low, high) = values
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        match low.is_finite() {
            true => LogScale { low: low / 1.3, high: high * 1.3, from, to },
            false => LogScale { low: 0.1, high: 10.0, from, to },
        }
    }

    pub fn at(&self, value: f64) -> f64 {
        let share = (value.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        self.from + (self.to - self.from) * share.min(1.0)
    }

    /// Round values within, not too many: powers of ten, and 2 and 5 between where there is room.
    pub fn ticks(&self) -> Vec<f64> {
        let decades = (self.low.log10().floor() as i32)..=(self.high.log10().ceil() as i32);
        let steps: &[f64] = if (self.high / self.low) < 200.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let all = decades.flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
        all.filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_keeps_all_values_within_and_in_order() {
        let scale = LogScale::around([0.1, 1.0, 10.0, 0.0].into_iter(), 100.0, 300.0);
        let places = [0.1, 1.0, 10.0].map(|value| scale.at(value));
        assert!(100.0 < places[0] && places[2] < 300.0, "{places:?}");
        assert!((places[1] - 200.0).abs() < 1.0, "one is the middle: {places:?}");
        assert_eq!(scale.ticks(), [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
        assert!(LogScale::around(std::iter::empty(), 0.0, 1.0).at(1.0).is_finite());
    }

    #[test]
    fn text_cannot_become_markup() {
        let mut drawing = Drawing::default();
        drawing.text("a", (0.0, 0.0), Anchor::End, "<script>\"&");
        assert!(drawing.finish(1.0, 1.0, "x").contains("&lt;script&gt;&quot;&amp;"));
    }
}
