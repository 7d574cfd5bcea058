//! Subjects of an account that are mapped to others. Source: nats-server `accounts.go:AddWeightedMappings`,
//! `selectMappedSubject`.

use hashbrown::HashMap;

use crate::subject::pattern;
use crate::subject::transform::{self, Transform};

/// One of the subjects that a subject is mapped to, as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// With functions; an empty one maps nothing.
    pub subject: String,
    /// Of a hundred messages so many.
    pub weight: u8,
    /// Only in the cluster of this name; an empty name is any cluster that has no destinations of its own.
    pub cluster: String,
}

/// All mappings of an account. One applies to a message: that of its very subject, or else the first, in their order,
/// whose pattern matches. nats-server looks at those of a configuration in an order of chance.
#[derive(Debug, Default)]
pub struct Mappings {
    mappings: Vec<Mapping>,
    literals: HashMap<Box<[u8]>, usize>,
    /// Those whose first token is a literal, by that token, and those whose is not; each in their order.
    patterns: HashMap<Box<[u8]>, Vec<usize>>,
    open: Vec<usize>,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// Its subject stays.
    Keep,
    /// No destination was chosen: nobody gets it.
    Lost,
    To(&'a Transform),
}

#[derive(Debug)]
struct Mapping {
    source: String,
    everywhere: Lot,
    /// By the name of a cluster.
    clusters: Vec<(String, Lot)>,
}

/// Destinations with the number of a hundred below which each is drawn: growing.
#[derive(Debug, Default)]
struct Lot(Vec<(u8, Target)>);

#[derive(Debug)]
enum Target {
    Same,
    To(Transform),
}

impl Mappings {
    /// Sources with their destinations. Fails with the words of nats-server; a source given again replaces the one
    /// before, in its place.
    pub fn new(configured: Vec<(String, Vec<Destination>)>) -> Result<Mappings, String> {
        let mut mappings: Vec<Mapping> = Vec::with_capacity(configured.len());
        let mut places: HashMap<String, usize> = HashMap::new();
        for (source, destinations) in configured {
            let mapping = Mapping::new(&source, &destinations)?;
            match places.get(&source) {
                Some(place) => mappings[*place] = mapping,
                None => {
                    places.insert(source, mappings.len());
                    mappings.push(mapping);
                }
            }
        }
        let mut ready = Mappings::default();
        for (index, mapping) in mappings.iter().enumerate() {
            ready.enter(index, mapping.source.as_bytes());
        }
        ready.mappings = mappings;
        Ok(ready)
    }

    pub fn is_empty(&self) -> bool {
        self.mappings.is_empty()
    }

    /// The mapping that applies to the subject of a message.
    pub fn find(&self, subject: &[u8]) -> Option<usize> {
        if let Some(index) = self.literals.get(subject) {
            return Some(*index);
        }
        let first = &subject[..memchr::memchr(b'.', subject).unwrap_or(subject.len())];
        let applies =
            |index: &&usize| pattern::is_subset_bytes(subject, self.mappings[**index].source.as_bytes());
        let close = self.patterns.get(first).and_then(|list| list.iter().find(applies));
        let open = self.open.iter().find(applies);
        match (close, open) {
            (Some(close), Some(open)) => Some(*close.min(open)),
            (found, None) | (None, found) => found.copied(),
        }
    }

    /// What becomes of a message to which the mapping applies, in a cluster of that name (empty without one).
    /// `dice(100)` is asked unless one destination has all the weight.
    pub fn choose(&self, index: usize, cluster: &str, dice: &mut dyn FnMut(u32) -> u32) -> Choice<'_> {
        let mapping = &self.mappings[index];
        let of_cluster = mapping.clusters.iter().find(|(name, _)| name == cluster);
        of_cluster.map_or(&mapping.everywhere, |(_, lot)| lot).draw(dice)
    }

    fn enter(&mut self, index: usize, source: &[u8]) {
        let mut tokens = source.split(|byte| *byte == b'.');
        let is_open = |token: &[u8]| token.starts_with(b"*") || token == b">";
        let first = tokens.next().unwrap_or_default();
        if is_open(first) {
            self.open.push(index);
        } else if tokens.any(is_open) {
            self.patterns.entry(first.into()).or_default().push(index);
        } else {
            self.literals.insert(source.into(), index);
        }
    }
}

impl Mapping {
    fn new(source: &str, destinations: &[Destination]) -> Result<Mapping, String> {
        if !pattern::is_valid(source) {
            return Err("invalid subject".to_owned());
        }
        let mut mapping =
            Mapping { source: source.to_owned(), everywhere: Lot::default(), clusters: Vec::new() };
        let mut totals: HashMap<&str, u8> = HashMap::new();
        for (number, destination) in destinations.iter().enumerate() {
            let Destination { subject, weight, cluster } = destination;
            if destinations[..number].iter().any(|before| before.subject == *subject) {
                return Err(format!("duplicate entry for {subject:?}"));
            }
            if *weight > 100 {
                return Err("individual weights need to be <= 100".to_owned());
            }
            let total = totals.entry(cluster).or_default();
            *total += weight;
            if *total > 100 {
                return Err("total weight needs to be <= 100".to_owned());
            }
            transform::check_mapping(source, subject)?;
            mapping.lot(cluster).0.push((*weight, Target::new(source, subject)?));
        }
        let keeps_rest = destinations.iter().all(|destination| destination.subject != source);
        mapping.everywhere.finish(source, keeps_rest)?;
        for (_, lot) in &mut mapping.clusters {
            lot.finish(source, keeps_rest)?;
        }
        Ok(mapping)
    }

    fn lot(&mut self, cluster: &str) -> &mut Lot {
        if cluster.is_empty() {
            return &mut self.everywhere;
        }
        let place = self.clusters.iter().position(|(name, _)| name == cluster).unwrap_or_else(|| {
            self.clusters.push((cluster.to_owned(), Lot::default()));
            self.clusters.len() - 1
        });
        &mut self.clusters[place].1
    }
}

impl Lot {
    /// What is left of a hundred stays at the source, unless the source is a destination itself: then it is lost.
    fn finish(&mut self, source: &str, keeps_rest: bool) -> Result<(), String> {
        let given: u8 = self.0.iter().map(|(weight, _)| weight).sum();
        if given != 100 && keeps_rest {
            self.0.push((100 - given, Target::new(source, &transform::identity(source))?));
        }
        self.0.sort_by_key(|(weight, _)| *weight);
        let mut below = 0;
        for (weight, _) in &mut self.0 {
            below += *weight;
            *weight = below;
        }
        Ok(())
    }

    fn draw(&self, dice: &mut dyn FnMut(u32) -> u32) -> Choice<'_> {
        let target = match self.0.as_slice() {
            [(100, only)] => Some(only),
            several => {
                let drawn = dice(100);
                several.iter().find(|(below, _)| drawn < u32::from(*below)).map(|(_, target)| target)
            }
        };
        match target {
            None => Choice::Lost,
            Some(Target::Same) => Choice::Keep,
            Some(Target::To(transform)) => Choice::To(transform),
        }
    }
}

impl Target {
    fn new(source: &str, destination: &str) -> Result<Target, String> {
        if destination.is_empty() {
            return Ok(Target::Same);
        }
        let mut transform = Transform::new(source, destination)?;
        if !pattern::has_wildcard(source) {
            transform.hash_nothing();
        }
        Ok(if transform.is_identity() { Target::Same } else { Target::To(transform) })
    }
}
