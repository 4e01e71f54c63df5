class CreateNotes < ActiveRecord::Migration[7.2]
  def change
    create_table(:notes) { |t| t.string :text }
    reversible do |direction|
      direction.up { Note.create!(text: "migrated in #{ENV.fetch("CELL")}") }
    end
  end
end
