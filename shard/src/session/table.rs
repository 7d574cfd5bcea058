//! All connections of one shard.

use super::Connection;
use crate::slot::Slot;

#[derive(Default)]
pub struct Connections {
    places: Vec<Option<Box<Connection>>>,
    generations: Vec<u32>,
    free: Vec<u32>,
    len: usize,
}

impl Connections {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives a connection a place, and the place's slot to the connection.
    pub fn insert(&mut self, mut connection: Box<Connection>) -> Slot {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.generations.push(0);
            (self.places.len() - 1) as u32
        });
        self.generations[index as usize] = self.generations[index as usize].wrapping_add(1);
        let slot = Slot { index, generation: self.generations[index as usize] };
        connection.slot = slot;
        self.places[index as usize] = Some(connection);
        self.len += 1;
        slot
    }

    /// Puts another connection in the place of one, which is answered.
    pub fn replace(&mut self, slot: Slot, mut connection: Box<Connection>) -> Option<Box<Connection>> {
        self.get(slot)?;
        connection.slot = slot;
        self.places[slot.index as usize].replace(connection)
    }

    pub fn remove(&mut self, slot: Slot) -> Option<Box<Connection>> {
        self.get(slot)?;
        self.len -= 1;
        self.free.push(slot.index);
        self.places[slot.index as usize].take()
    }

    /// The connection of a slot, unless it is gone.
    #[inline]
    pub fn get(&mut self, slot: Slot) -> Option<&mut Connection> {
        let connection = self.places.get_mut(slot.index as usize)?.as_deref_mut()?;
        (connection.slot == slot).then_some(connection)
    }

    /// The connection at a place known to be taken: the owner of a subscription, the one being served.
    #[inline]
    pub fn at(&mut self, index: u32) -> &mut Connection {
        self.places[index as usize].as_deref_mut().expect("a connection lives here")
    }

    /// Whoever lives at a place at the moment.
    #[inline]
    pub fn lodger(&mut self, index: u32) -> Option<&mut Connection> {
        self.places.get_mut(index as usize)?.as_deref_mut()
    }

    /// Places there are, taken or not.
    pub fn places(&self) -> u32 {
        self.places.len() as u32
    }

    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.places.iter().filter_map(|place| place.as_deref())
    }
}
