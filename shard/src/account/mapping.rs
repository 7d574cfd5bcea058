//! Subjects of an account that are mapped to others. Source: nats-server `accounts.go:AddWeightedMappings`,
//! `selectMappedSubject`.

use hashbrown::HashMap;

use super::sources::Sources;
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
    sources: Sources,
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
        let mut sources = Sources::default();
        for (place, mapping) in mappings.iter().enumerate() {
            sources.enter(mapping.source.as_bytes(), place);
        }
        Ok(Mappings { mappings, sources })
    }

    pub fn is_empty(&self) -> bool {
        self.mappings.is_empty()
    }

    /// The mapping that applies to the subject of a message.
    pub fn find(&self, subject: &[u8]) -> Option<usize> {
        self.sources.find(subject)
    }

    /// What becomes of a message to which the mapping applies, in a cluster of that name (empty without one).
    /// `dice(100)` is asked unless one destination has all the weight.
    pub fn choose(&self, index: usize, cluster: &str, dice: &mut dyn FnMut(u32) -> u32) -> Choice<'_> {
        let mapping = &self.mappings[index];
        let of_cluster = mapping.clusters.iter().find(|(name, _)| name == cluster);
        of_cluster.map_or(&mapping.everywhere, |(_, lot)| lot).draw(dice)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations(given: &[(&str, u8, &str)]) -> Vec<Destination> {
        let owned = |(subject, weight, cluster): &(&str, u8, &str)| Destination {
            subject: (*subject).to_owned(),
            weight: *weight,
            cluster: (*cluster).to_owned(),
        };
        given.iter().map(owned).collect()
    }

    fn one(source: &str, given: &[(&str, u8, &str)]) -> Result<Mappings, String> {
        Mappings::new(vec![(source.to_owned(), destinations(given))])
    }

    fn whole(sources: &[&str]) -> Mappings {
        let entry = |source: &&str| {
            let to = if source.ends_with('>') { "to.>" } else { "to" };
            ((*source).to_owned(), destinations(&[(to, 100, "")]))
        };
        Mappings::new(sources.iter().map(entry).collect()).expect("mappings")
    }

    /// How often each destination comes, over all that the dice may show.
    fn shares(mappings: &Mappings, cluster: &str) -> Vec<(String, u32)> {
        let mut shares: Vec<(String, u32)> = Vec::new();
        for drawn in 0..100 {
            let name = match mappings.choose(0, cluster, &mut |_| drawn) {
                Choice::Keep => "kept",
                Choice::Lost => "lost",
                Choice::To(transform) => transform.destination(),
            };
            match shares.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += 1,
                None => shares.push((name.to_owned(), 1)),
            }
        }
        shares
    }

    fn assert_shares(mappings: &Mappings, cluster: &str, expected: &[(&str, u32)]) {
        let expected: Vec<_> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(shares(mappings, cluster), expected, "in {cluster:?}");
    }

    #[test]
    fn what_is_left_stays_at_the_source() {
        let mappings = one("a.*", &[("b.$1", 50, ""), ("c.$1", 20, "")]).unwrap();
        assert_shares(&mappings, "", &[("c.$1", 20), ("kept", 30), ("b.$1", 50)]);
        assert_shares(&one("a", &[("b", 0, "")]).unwrap(), "", &[("kept", 100)]);
        assert_shares(&one("a", &[]).unwrap(), "", &[("kept", 100)]);
    }

    #[test]
    fn what_is_left_is_lost_where_the_source_is_listed() {
        let mappings = one("a", &[("b", 50, ""), ("a", 20, "")]).unwrap();
        assert_shares(&mappings, "", &[("kept", 20), ("b", 50), ("lost", 30)]);
    }

    #[test]
    fn a_cluster_has_destinations_of_its_own() {
        let given = [("b", 100, ""), ("c", 10, "east"), ("d", 100, "west"), ("e", 30, "east")];
        let mappings = one("a", &given).unwrap();
        assert_shares(&mappings, "", &[("b", 100)]);
        assert_shares(&mappings, "north", &[("b", 100)]);
        assert_shares(&mappings, "west", &[("d", 100)]);
        assert_shares(&mappings, "east", &[("c", 10), ("e", 30), ("kept", 60)]);
        // Nothing is for the others, not even what is left.
        assert_shares(&one("a", &[("a", 100, "east")]).unwrap(), "west", &[("lost", 100)]);
    }

    #[test]
    fn one_with_all_the_weight_takes_no_dice() {
        let mappings = one("a", &[("b", 100, "")]).unwrap();
        let choice = mappings.choose(0, "", &mut |_| panic!("asked for a number"));
        assert!(matches!(choice, Choice::To(transform) if transform.destination() == "b"));
    }

    #[test]
    fn shares_come_out_of_chance() {
        let mappings = one("a", &[("b", 70, ""), ("c", 20, "")]).unwrap();
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut dice = |below: u32| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as u32 % below
        };
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            match mappings.choose(0, "", &mut dice) {
                Choice::Keep => counts[0] += 1,
                Choice::To(transform) if transform.destination() == "c" => counts[1] += 1,
                Choice::To(_) => counts[2] += 1,
                Choice::Lost => panic!("nothing is lost"),
            }
        }
        for (count, expected) in counts.into_iter().zip([1_000, 2_000, 7_000]) {
            assert!(count.abs_diff(expected) < 200, "{counts:?}");
        }
    }

    #[test]
    fn refusals() {
        let too_much = one("a", &[("b", 60, ""), ("c", 60, "")]).unwrap_err();
        assert_eq!(too_much, "total weight needs to be <= 100");
        assert!(one("a", &[("b", 60, "x"), ("c", 60, "y")]).is_ok());
        assert_eq!(one("a", &[("b", 101, "")]).unwrap_err(), "individual weights need to be <= 100");
        let twice = one("a", &[("b", 10, ""), ("b", 10, "x")]).unwrap_err();
        assert_eq!(twice, "duplicate entry for \"b\"");
        assert_eq!(one("a..b", &[]).unwrap_err(), "invalid subject");
        assert!(one("a.*", &[("b.$2", 100, "")]).unwrap_err().contains("out of range"));
    }

    #[test]
    fn a_very_subject_goes_before_patterns_and_these_by_their_order() {
        let mappings = whole(&["a.*", "*.b", "a.b", "b.>", ">", "c.b"]);
        for (subject, found) in
            [("a.b", 2), ("a.c", 0), ("x.b", 1), ("c.b", 5), ("b.b", 1), ("b.c", 3), ("x", 4), ("b", 4)]
        {
            assert_eq!(mappings.find(subject.as_bytes()), Some(found), "{subject}");
        }
        assert_eq!(whole(&["a.*", "b"]).find(b"c"), None);
        assert_eq!(Mappings::default().find(b"a"), None);
    }

    #[test]
    fn a_source_given_again_replaces_the_one_before() {
        let entry = |source: &str, to: &str| (source.to_owned(), destinations(&[(to, 100, "")]));
        let mappings = Mappings::new(vec![entry("a.*", "b"), entry("*.b", "c"), entry("a.*", "d")]).unwrap();
        assert_eq!(mappings.find(b"a.b"), Some(0));
        let choice = mappings.choose(0, "", &mut |_| 0);
        assert!(matches!(choice, Choice::To(transform) if transform.destination() == "d"));
        assert!(!mappings.is_empty() && Mappings::default().is_empty());
    }

    #[test]
    fn an_empty_destination_maps_nothing() {
        assert_shares(&one("a", &[("", 100, "")]).unwrap(), "", &[("kept", 100)]);
    }
}
