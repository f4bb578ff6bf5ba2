//! Families of series as they are made for one scrape, and their text.
//!
//! It owns how a family is put together. It never knows a figure.

use prometheus::proto::{self, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Error, TextEncoder};

use super::times::Spread;

/// The families of one scrape.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<MetricFamily>);

/// One family; its series are added one by one.
pub(super) struct Family<'a>(&'a mut MetricFamily);

impl Families {
    /// Values that only grow.
    pub(super) fn counter(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, MetricType::COUNTER)
    }

    /// Values that come and go.
    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, MetricType::GAUGE)
    }

    /// Durations.
    pub(super) fn times(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, MetricType::HISTOGRAM)
    }

    /// A counter without labels.
    pub(super) fn count(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.counter(name, help).set([], value as f64);
    }

    /// A gauge without labels.
    pub(super) fn value(&mut self, name: &'static str, help: &'static str, value: impl Into<f64>) {
        self.gauge(name, help).set([], value);
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType) -> Family<'_> {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        self.0.push(family);
        let last = self.0.len() - 1;
        Family(&mut self.0[last])
    }

    /// The text of all families that have a series.
    ///
    /// # Errors
    /// Never for what this module puts together.
    pub(super) fn into_text(mut self) -> Result<String, Error> {
        self.0.retain(|family| !family.get_metric().is_empty());
        TextEncoder::new().encode_to_string(&self.0)
    }
}

impl Family<'_> {
    /// A series with its value.
    pub(super) fn set<const N: usize>(
        &mut self,
        labels: [(&'static str, &str); N],
        value: impl Into<f64>,
    ) -> &mut Self {
        let mut metric = Metric::from_label(pairs(labels));
        match self.0.get_field_type() {
            MetricType::COUNTER => {
                let mut counter = proto::Counter::default();
                counter.set_value(value.into());
                metric.set_counter(counter);
            }
            _ => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(value.into());
                metric.set_gauge(gauge);
            }
        }
        self.0.mut_metric().push(metric);
        self
    }

    /// A series of durations.
    pub(super) fn spread<const N: usize>(
        &mut self,
        labels: [(&'static str, &str); N],
        spread: &Spread,
    ) -> &mut Self {
        self.durations(labels, spread.to_proto())
    }

    /// The same, with other bounds.
    pub(super) fn durations<const N: usize>(
        &mut self,
        labels: [(&'static str, &str); N],
        histogram: proto::Histogram,
    ) -> &mut Self {
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_histogram(histogram);
        self.0.mut_metric().push(metric);
        self
    }
}

fn pairs<const N: usize>(labels: [(&'static str, &str); N]) -> Vec<LabelPair> {
    let pair = |(name, value): (&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    labels.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_series_is_written_and_escaped() {
        let mut families = Families::default();
        families.counter("none_total", "Not there.");
        families.count("a_total", "A.", 3);
        let mut gauge = families.gauge("b", "B.");
        gauge
            .set([("name", "one")], 0.5)
            .set([("name", "a\"\n")], 2);
        assert_eq!(
            families.into_text().unwrap(),
            "# HELP a_total A.\n# TYPE a_total counter\na_total 3\n\
             # HELP b B.\n# TYPE b gauge\nb{name=\"one\"} 0.5\nb{name=\"a\\\"\\n\"} 2\n"
        );
    }

    #[test]
    fn a_spread_has_all_bounds_and_the_last_is_infinite() {
        let mut families = Families::default();
        let mut spread = Spread::default();
        spread.add_at_once(4);
        families
            .times("t_seconds", "T.")
            .spread([("k", "v")], &spread);
        let text = families.into_text().unwrap();
        assert!(
            text.contains("t_seconds_bucket{k=\"v\",le=\"0.00001\"} 4\n"),
            "{text}"
        );
        assert!(
            text.contains("t_seconds_bucket{k=\"v\",le=\"+Inf\"} 4\n"),
            "{text}"
        );
        assert!(text.contains("t_seconds_count{k=\"v\"} 4\n"), "{text}");
    }
}
