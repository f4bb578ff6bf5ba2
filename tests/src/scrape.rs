//! What a host tells Prometheus, read back: families with their type and meaning,
//! and samples by name and labels.
//!
//! It owns the reading of the text form. It never judges a figure.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::Host;

/// The labels of one sample.
pub type Labels = BTreeMap<String, String>;

/// All that one look at `/metrics` showed.
#[derive(Debug, Default)]
pub struct Scrape {
    /// as it came
    pub text: String,
    /// by their name
    pub families: BTreeMap<String, Described>,
    samples: BTreeMap<String, BTreeMap<Labels, f64>>,
}

/// What is said of a family.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// `counter`, `gauge` or `histogram`
    pub kind: String,
    /// what it means
    pub help: String,
}

impl Scrape {
    /// Looks at a host that doesn't ask who looks.
    ///
    /// # Panics
    /// If it doesn't answer with figures.
    pub fn of(host: &Host) -> Self {
        let response = host.get("/metrics");
        assert_eq!(response.head.status, 200, "{response:?}");
        let kind = response.head.header("content-type");
        assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
        Self::read(&String::from_utf8(response.body).expect("figures are text"))
    }

    /// Reads the text form.
    ///
    /// # Panics
    /// If it is none, or has a sample twice.
    pub fn read(text: &str) -> Self {
        let mut scrape = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("a name and what it means");
                let described = scrape.families.entry(name.to_owned()).or_default();
                help.clone_into(&mut described.help);
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a name and its type");
                let described = scrape.families.entry(name.to_owned()).or_default();
                kind.clone_into(&mut described.kind);
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a series and its value");
                let (name, labels) = read_series(series);
                let value = value.parse().expect("a value is a number");
                let samples = scrape.samples.entry(name).or_default();
                let twice = samples.insert(labels, value);
                assert!(twice.is_none(), "{series} is there twice");
            }
        }
        scrape
    }

    /// The sum of all samples of this name with these labels among theirs; none: there
    /// is no such sample.
    pub fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let fits = |sample: &&Labels| {
            let mut wanted = labels.iter();
            wanted.all(|(label, value)| sample.get(*label).is_some_and(|is| is == value))
        };
        let samples = self.samples.get(name)?;
        let found = samples.iter().filter(|(sample, _)| fits(sample));
        let found: Vec<f64> = found.map(|(_, value)| *value).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// The same.
    ///
    /// # Panics
    /// If there is no such sample.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels)
            .unwrap_or_else(|| panic!("no {name} {labels:?} in\n{}", self.text))
    }

    /// The values that a label has, over all samples of this name.
    pub fn labelled(&self, name: &str, label: &str) -> BTreeSet<String> {
        let samples = self.samples.get(name).into_iter().flatten();
        samples
            .filter_map(|(labels, _)| labels.get(label).cloned())
            .collect()
    }

    /// Every sample that only grows: counters, and the parts of histograms.
    pub fn growing(&self) -> impl Iterator<Item = (&str, &Labels, f64)> {
        let grows = |name: &str| {
            let of = |name: &str, kind: &str| {
                let described = self.families.get(name);
                described.is_some_and(|described| described.kind == kind)
            };
            let parts = ["_bucket", "_count", "_sum"];
            let mut families = parts.iter().filter_map(|part| name.strip_suffix(part));
            of(name, "counter") || families.any(|family| of(family, "histogram"))
        };
        let samples = self.samples.iter().filter(move |(name, _)| grows(name));
        samples.flat_map(|(name, samples)| {
            let each = samples.iter();
            each.map(move |(labels, value)| (name.as_str(), labels, *value))
        })
    }

    /// The names of all samples.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    /// The labels of the samples of a family, but for a histogram's own.
    pub fn label_names(&self, family: &str) -> BTreeSet<String> {
        let bucket = format!("{family}_bucket");
        let samples = [family, &bucket].into_iter();
        samples
            .filter_map(|name| self.samples.get(name))
            .flatten()
            .flat_map(|(labels, _)| labels.keys().cloned())
            .filter(|label| label != "le")
            .collect()
    }
}

/// A name and its labels.
fn read_series(series: &str) -> (String, Labels) {
    let Some((name, rest)) = series.split_once('{') else {
        return (series.to_owned(), Labels::new());
    };
    let mut labels = Labels::new();
    let mut rest = rest.strip_suffix('}').expect("labels end");
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").expect("a label and its value");
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().expect("a value ends") {
                (at, '"') => break at,
                (_, '\\') => match characters.next().expect("what is escaped").1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.insert(label.to_owned(), value);
        rest = after[end + 1..].trim_start_matches(',');
    }
    (name.to_owned(), labels)
}
